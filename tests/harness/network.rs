//! Machines on one: network namespaces, each with a link to the tests and one to the others, which
//! can be cut.

use std::process::Command;

/// Namespaces on two bridges. They are gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    /// With it the names of all links and namespaces begin. A link's name has at most 15 bytes.
    prefix: String,
    /// The first two bytes of all addresses.
    net: String,
    count: usize,
}

impl Network {
    /// So many machines that reach each other and the tests.
    ///
    /// # Errors
    /// Why this machine does not give them: only root may make them, and not everywhere.
    pub fn new(count: usize) -> Result<Self, String> {
        let pid = std::process::id();
        let network = Self {
            prefix: format!("nx{pid}"),
            net: format!("10.{}", 200 + pid % 50),
            count,
        };
        network.make()?;
        Ok(network)
    }

    fn make(&self) -> Result<(), String> {
        let (prefix, net) = (&self.prefix, &self.net);
        for bridge in ["t", "p"] {
            ip(&format!("link add {prefix}{bridge} type bridge"))?;
            ip(&format!("link set {prefix}{bridge} up"))?;
        }
        ip(&format!("addr add {net}.8.254/24 dev {prefix}t"))?;
        for at in 0..self.count {
            let namespace = self.namespace(at);
            ip(&format!("netns add {namespace}"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
            for (bridge, link, address) in [
                ("t", "tests", self.address(at)),
                ("p", "peers", self.peer_address(at)),
            ] {
                let end = format!("{prefix}{bridge}{at}");
                ip(&format!(
                    "link add {end} type veth peer name {link} netns {namespace}"
                ))?;
                ip(&format!("link set {end} master {prefix}{bridge}"))?;
                ip(&format!("link set {end} up"))?;
                ip(&format!("-n {namespace} addr add {address}/24 dev {link}"))?;
                ip(&format!("-n {namespace} link set {link} up"))?;
            }
        }
        Ok(())
    }

    /// The name of a machine's namespace.
    pub fn namespace(&self, at: usize) -> String {
        format!("{}n{at}", self.prefix)
    }

    /// Where the tests reach a machine.
    pub fn address(&self, at: usize) -> String {
        format!("{}.8.{}", self.net, at + 1)
    }

    /// Where machines reach the tests.
    pub fn tests_address(&self) -> String {
        format!("{}.8.254", self.net)
    }

    /// Where the others reach a machine.
    pub fn peer_address(&self, at: usize) -> String {
        format!("{}.9.{}", self.net, at + 1)
    }

    /// Cuts a machine off from the others; the tests reach it still.
    pub fn cut(&self, at: usize) {
        self.set(at, "down");
    }

    /// Lets it reach the others again.
    pub fn heal(&self, at: usize) {
        self.set(at, "up");
    }

    fn set(&self, at: usize, state: &str) {
        let set = format!("-n {} link set peers {state}", self.namespace(at));
        ip(&set).unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What was not made cannot be removed.
        for at in 0..self.count {
            let _ = ip(&format!("netns del {}", self.namespace(at)));
        }
        for bridge in ["t", "p"] {
            let _ = ip(&format!("link del {}{bridge}", self.prefix));
        }
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let run = Command::new("ip").args(arguments.split(' ')).output();
    let output = run.map_err(|error| format!("ip (run tests/run): {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
