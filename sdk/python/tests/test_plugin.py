"""A plugin between the contract and its author's class."""

import unittest

from narthex_sdk import (
    Alert,
    ConfigError,
    Discovery,
    Error,
    Exporter,
    Exposition,
    Group,
    InternalError,
    Notification,
    ProtocolError,
    Receiver,
    Rejected,
    Retry,
    Target,
    UnavailableError,
    clock,
    errors,
    export,
    fake,
    files,
    host_and_port,
    http,
    icmp,
    kubernetes,
    log,
    names,
    secrets,
    state,
    tcp,
    texts,
    udp,
)


class Probe(Exporter):
    """Does what its configuration says."""

    act = staticmethod(lambda target, batch: None)

    def collect(self, target, batch):
        return self.act(target, batch)


def doing(act):
    return type("Doing", (Probe,), {"act": staticmethod(act)})


class ErrorTest(unittest.TestCase):
    def test_every_exception_is_an_error_of_the_contract(self):
        for exception, case, text in [
            (ConfigError("port is missing"), "Config", "port is missing"),
            (UnavailableError("gone"), "Unavailable", "gone"),
            (ConnectionResetError(104, "reset"), "Unavailable", "[Errno 104] reset"),
            (EOFError(), "Unavailable", "EOFError"),
            (PermissionError("no"), "Denied", "no"),
            (ProtocolError("not HTTP"), "Protocol", "not HTTP"),
            (KeyError("uptime"), "Internal", "KeyError: 'uptime'"),
            (SystemExit(3), "Internal", "SystemExit: 3"),
            (ZeroDivisionError(), "Internal", "ZeroDivisionError"),
            (RuntimeError("caf\udce9"), "Internal", "RuntimeError: caf?"),
        ]:
            with self.subTest(repr(exception)):
                record = errors.to_wit(exception)
                self.assertEqual(type(record).__name__, f"Error_{case}")
                self.assertEqual(record.value, text)
                back = errors.from_wit(record)
                self.assertEqual(str(back), text)
        self.assertEqual(type(errors.to_wit(TimeoutError())).__name__, "Error_Timeout")

    def test_a_mistake_of_the_plugin_is_logged_with_its_place(self):
        def collect(target, batch):
            raise KeyError("x")

        host = fake.Host()
        with self.assertRaisesRegex(InternalError, "KeyError: 'x'"):
            host.collect(doing(collect))
        level, message, fields = host.logged[0]
        self.assertEqual((level, message), ("error", "the plugin raised KeyError"))
        self.assertRegex(fields["at"], r"^test_plugin.py:\d+ collect, ")

    def test_an_error_of_the_host_is_not_logged(self):
        host = fake.Host()
        with self.assertRaisesRegex(UnavailableError, "connection refused"):
            host.collect(doing(lambda target, batch: tcp.connect("db", 1)))
        self.assertEqual(host.logged, [])

    def test_a_result_that_is_none_is_an_error(self):
        with self.assertRaisesRegex(InternalError, "collect returned a int"):
            fake.Host().collect(doing(lambda target, batch: 5))


class ExporterTest(unittest.TestCase):
    def test_the_target_is_handed_over(self):
        seen = []
        target = Target("[::1]:9", {"job": "x"}, {"module": ["a", "b"]})
        fake.Host().collect(doing(lambda target, batch: seen.append(target)), target)
        self.assertEqual(seen, [target])
        self.assertEqual((target.host, target.port), ("::1", 9))

    def test_addresses(self):
        self.assertEqual(host_and_port("a:1"), ("a", 1))
        for address in ["a", "a:", "a:b", "a:70000", ""]:
            with self.subTest(address), self.assertRaises(ConfigError):
                host_and_port(address)

    def test_a_plugin_lives_from_call_to_call(self):
        class Counting(Exporter):
            def __init__(self, config):
                self.count = config["start"]

            def reconfigure(self, config):
                self.count = config["start"]
                return True

            def health(self):
                return "starting" if self.count == 0 else None

            def collect(self, target, batch):
                self.count += 1
                batch.counter("calls_total").sample(self.count)

        host = fake.Host()
        plugin = host.start(Counting, {"start": 0})
        self.assertEqual((plugin.health().ready, plugin.health().message), (False, "starting"))
        plugin.collect()
        self.assertEqual(plugin.collect().to_text(), "calls_total 2\n")
        self.assertTrue(plugin.health().ready)
        self.assertTrue(plugin.reconfigure({"start": 7}))
        self.assertEqual(plugin.collect().to_text(), "calls_total 8\n")
        with self.assertRaisesRegex(InternalError, "KeyError: 'start'"):
            host.start(Counting)
        plugin.shutdown()

    def test_texts_and_stored_responses_pass_as_they_are(self):
        text = Exposition(b"a 1\n")
        self.assertEqual(fake.Host().collect(doing(lambda *_: text)), text)
        host = fake.Host().response(
            "http://a/metrics", "b 2\n", headers={"Content-Type": "text/plain"}
        )
        read = host.collect(doing(lambda *_: http.fetch("http://a/metrics")))
        self.assertEqual(read, Exposition(b"b 2\n", "text/plain"))

    def test_a_module_exports_one_plugin(self):
        @export
        class One(Exporter):
            pass

        import sys

        module = sys.modules[__name__]
        self.assertTrue(hasattr(module, "Lifecycle") and hasattr(module, "Collector"))
        with self.assertRaisesRegex(TypeError, "exports a plugin already"):
            export(type("Two", (Exporter,), {"__module__": __name__}))
        del module.Lifecycle, module.Collector
        with self.assertRaisesRegex(TypeError, "derives from one of"):
            export(type("None_", (), {"__module__": __name__}))


class HostTest(unittest.TestCase):
    """The wrappers of the host's interfaces, on the fake host."""

    def check(self, host, act):
        with host:
            return act()

    def test_http(self):
        host = fake.Host().secret("token", "s3").response("http://a/x", {"b": 1})
        host.response("http://a/broken", "<", status=503)

        def act():
            token = secrets.get("token")
            self.assertEqual(repr(token), "<secret token>")
            headers = {"Authorization": http.Bearer(token), "X": http.Basic("u", token), "Y": "z"}
            answer = http.get("http://a/x", headers, timeout=2.5, tls="internal")
            self.assertEqual(answer.expect(200).json(), {"b": 1})
            broken = http.get("http://a/broken")
            with self.assertRaisesRegex(ProtocolError, "not JSON"):
                broken.json()
            with self.assertRaisesRegex(UnavailableError, "status 503"):
                broken.expect()
            with self.assertRaises(PermissionError):
                http.post("http://a/x", "body")

        self.check(host, act)
        first, *_, last = host.requests
        self.assertEqual(
            first.headers, {"Authorization": "Bearer s3", "X": "Basic u:s3", "Y": "z"}
        )
        self.assertEqual((first.tls, last.method, last.body), ("internal", "POST", b"body"))

    def test_tcp(self):
        host = fake.Host().secret("password", "s3")
        host.tcp("db:5", [("", "hello\r\n"), ("AUTH s3\r\n", "OK\r\n"), ("GET", b"\x00\x01")])

        def act():
            with tcp.connect("db", 5) as connection:
                self.assertEqual(connection.read_line(), "hello")
                self.assertIsNone(connection.session())
                connection.start_tls("internal")
                self.assertEqual(connection.session().version, "TLS 1.3")
                connection.write_secret(b"AUTH ", secrets.get("password"), b"\r\n")
                self.assertEqual(connection.read_until(b"\r\n"), b"OK\r\n")
                connection.write("GET")
                self.assertEqual(connection.read_exact(2), b"\x00\x01")
                self.assertEqual(connection.read(), b"")
                self.assertEqual(connection.peer(), "db")
                with self.assertRaises(UnavailableError):
                    connection.read_line()

        self.check(host, act)
        self.assertEqual(host.written, {"db:5": b"AUTH s3\r\nGET"})

    def test_a_plugin_that_says_something_else_fails_the_test(self):
        def collect(target, batch):
            try:
                tcp.connect("db", 5).write(b"QUIT")
            except Error:
                pass

        host = fake.Host().tcp("db:5", [("STATS", "x")])
        with self.assertRaisesRegex(AssertionError, "b'STATS' was to be written, not b'QUIT'"):
            host.collect(doing(collect))

    def test_a_line_has_an_end(self):
        host = fake.Host().tcp("db:5", "x" * 100)
        with self.assertRaisesRegex(ProtocolError, "in 10 bytes"):
            self.check(host, lambda: tcp.connect("db", 5).read_line(10))

    def test_datagrams_names_and_echoes(self):
        host = fake.Host().udp("ntp:123", b"now").name("ntp", "10.0.0.1")

        def act():
            with udp.connect("ntp", 123) as socket:
                socket.send(b"time?")
                self.assertEqual(socket.receive(), b"now")
                with self.assertRaises(TimeoutError):
                    socket.receive()
            self.assertEqual(names.resolve("ntp"), ["10.0.0.1"])
            self.assertEqual(icmp.ping("ntp"), icmp.Reply("10.0.0.1", 0.001))

        self.check(host, act)

    def test_files_and_state(self):
        host = fake.Host().file("/proc/uptime", "5 4\n").file("/proc/net/dev", "x")

        def act():
            self.assertEqual(files.read_text("/proc/uptime"), "5 4\n")
            self.assertEqual(files.entries("/proc"), ["net", "uptime"])
            with self.assertRaises(UnavailableError):
                files.read("/proc/none")
            self.assertIsNone(state.get_json("seen"))
            state.set_json("seen", {"a": 1})
            self.assertEqual(state.get_json("seen"), {"a": 1})
            state.set("seen", b"{")
            self.assertEqual(state.get_json("seen", 0), 0)
            state.set("seen", b"")
            self.assertIsNone(state.get("seen"))

        self.check(host, act)

    def test_the_kernel_tells_how_it_disciplines_the_clock(self):
        def untold():
            with self.assertRaises(UnavailableError):
                clock.discipline()

        self.check(fake.Host(), untold)

        def told():
            timex = clock.discipline()
            self.assertEqual((timex.state, timex.offset, timex.tai), (5, -7, 0))

        self.check(fake.Host().timex(state=5, offset=-7), told)

    def test_what_is_written_to_a_log(self):
        host = fake.Host()
        with host:
            log.warn("slow", message="yes", seconds=3)
            writer = log.Writer("INFO")
            print("two", "words", file=writer)
            writer.write("rest")
            writer.flush()
        self.assertEqual(
            host.logged,
            [
                ("warn", "slow", {"message": "yes", "seconds": "3"}),
                ("info", "two words", {}),
                ("info", "rest", {}),
            ],
        )


def pod(name, ip):
    about = {"namespace": "default", "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "status": {"podIP": ip}}


class DiscoveryTest(unittest.TestCase):
    def test_watches_become_groups(self):
        class Pods(Discovery):
            def __init__(self, config):
                self.watch = kubernetes.watch("v1", "Pod")

            def refresh(self):
                for item in self.watch.update():
                    labels = {"pod": item["metadata"]["name"]}
                    yield Group(labels["pod"], [item["status"]["podIP"] + ":80"], labels)

        host = fake.Host().object(pod("b", "10.0.0.2")).object(pod("a", "10.0.0.1"))
        plugin = host.start(Pods)
        self.assertEqual(
            plugin.refresh(),
            [
                Group("a", [{"__address__": "10.0.0.1:80"}], {"pod": "a"}),
                Group("b", [{"__address__": "10.0.0.2:80"}], {"pod": "b"}),
            ],
        )
        host.object(pod("a", ""), "DELETED")
        host.object(pod("b", "10.0.0.3"), "MODIFIED")
        (group,) = plugin.refresh()
        self.assertEqual(group.targets, [{"__address__": "10.0.0.3:80"}])


class ReceiverTest(unittest.TestCase):
    def test_outcomes(self):
        alert = Alert(True, "0" * 16, {"alertname": "Down"}, {}, 1000, None, "")
        notification = Notification("{}", "chat", {}, {"alertname": "Down"}, {}, "", 0, [alert])
        for outcome in [None, Retry(30), Retry(), Rejected("no such channel")]:
            seen = []

            class Chat(Receiver):
                def notify(self, notification):
                    seen.append(notification)
                    return outcome

            self.assertEqual(fake.Host().start(Chat).notify(notification), outcome)
            self.assertEqual(seen, [notification])

    def test_texts_are_expanded_by_the_host(self):
        notification = Notification("{}", "chat", {}, {}, {}, "", 0, [])

        class Chat(Receiver):
            def notify(self, notification):
                return Rejected(texts.expand("{{ .Status }}") + texts.expand_html("{{ .Status }}"))

        host = fake.Host().texts(lambda text, is_html: f"<{text}>" if is_html else text)
        outcome = host.start(Chat).notify(notification)
        self.assertEqual(outcome, Rejected("{{ .Status }}<{{ .Status }}>"))
        with self.assertRaisesRegex(InternalError, "no templates"):
            fake.Host().start(Chat).notify(notification)

        class Plain(Receiver):
            def notify(self, notification):
                return Rejected(texts.expand("plain"))

        self.assertEqual(fake.Host().start(Plain).notify(notification), Rejected("plain"))


if __name__ == "__main__":
    unittest.main()
