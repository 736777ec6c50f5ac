//! A plugin's file is replaced again and again by a build in another language, and by what must
//! not be put to work, while it is scraped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::slice::from_ref;
use std::time::{Duration, Instant};

use narthex_registry::{INDEX_FILE, Image, Layout, Package, PrivateKey, Signature};
use narthex_tests::{Guest, Narthex, Samples, component, http, until};

use crate::pace::Pace;

/// Swaps from Rust to Python and back.
const SWAPS: usize = 100;
const INTERVAL_MS: i64 = 250;

fn start(plugins: &Path, settings: &str, jobs: &str) -> (Narthex, Pace) {
    let pace = Pace::of(INTERVAL_MS);
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms}}\n\
         plugins: {{directory: {}, {settings}}}\nscrape_configs:\n{jobs}{}",
        plugins.display(),
        pace.job()
    );
    (Narthex::builder().config(config).start(), pace)
}

/// How many versions of a plugin were put to work (`ok`), refused (`failed`) or held.
fn reloads(narthex: &Narthex, plugin: &str, result: &str) -> Result<u64, String> {
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
    let start = format!("narthex_plugin_reloads_total{{plugin=\"{plugin}\",result=\"{result}\"}} ");
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(&start));
    count.map_or(Ok(0), |count| count.parse().map_err(|_| count.to_owned()))
}

/// Waits until the newest version of a plugin is not at work, for a reason that the API tells and
/// a metric counts, and the version before it is.
fn wait_for_refusal(
    narthex: &Narthex,
    (plugin, version): (&str, &str),
    (result, count): (&str, u64),
    reason: &str,
) {
    until(120, reason, || {
        let detail = narthex.api(&format!("plugins/{plugin}"))?;
        let told = detail["lastError"].as_str().unwrap_or_default();
        let counted = reloads(narthex, plugin, result)?;
        match told.contains(reason) && counted >= count && detail["version"] == version {
            true => Ok(()),
            false => Err(format!("{counted} {result}: {detail}")),
        }
    });
}

fn wait_until_running(narthex: &Narthex, plugin: &str, version: &str) {
    until(120, version, || {
        let detail = narthex.api(&format!("plugins/{plugin}"))?;
        match detail["state"] == "running" && detail["version"] == version {
            true => Ok(()),
            false => Err(detail.to_string()),
        }
    });
}

/// Checks that the log names a plugin with each of the reasons.
fn check_log(narthex: &mut Narthex, plugin: &str, reasons: &[String]) {
    for reason in reasons {
        let is_named = |line: &str| {
            line.contains("plugin was not loaded")
                && line.contains(plugin)
                && line.contains(reason.as_str())
        };
        until(60, reason, || {
            let log = narthex.process().log();
            match log.lines().any(is_named) {
                true => Ok(()),
                false => Err(log),
            }
        });
    }
}

#[test]
fn a_hundred_swaps_between_rust_and_python_lose_no_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let builds = ["rust", "python"].map(|language| {
        let samples = Samples::build(folder.path(), language);
        (language, samples.component(), samples.manifest())
    });
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    component::install(&plugins, "samples", &builds[0].1, &builds[0].2);
    let (narthex, pace) = start(
        &plugins,
        "",
        "- job_name: samples\n  plugin: samples\n  plugin_config: {count: 100}\n  \
         static_configs: [{targets: ['somewhere']}]\n",
    );
    let serves = |language: &str| {
        until(120, language, || {
            let found = narthex.query("samples_info")?;
            let part = format!("\"language\":\"{language}\"");
            match found.keys().any(|labels| labels.contains(&part)) && found.len() == 1 {
                true => Ok(()),
                false => Err(format!("{found:?} {}", narthex.api("plugins/samples")?)),
            }
        });
    };
    serves("rust");
    let mut times: Vec<Duration> = Vec::new();
    for swap in 1..=SWAPS {
        let (language, component, manifest) = &builds[swap % 2];
        let began = Instant::now();
        component::install(&plugins, "samples", component, manifest);
        serves(language);
        times.push(began.elapsed());
    }
    let count = pace.check(&narthex, "samples", "samples");
    times.sort();
    println!(
        "{SWAPS} swaps while {count} scrapes ran; from the file to the first sample of the other \
         build: median {:?}, longest {:?}",
        times[SWAPS / 2],
        times[SWAPS - 1]
    );
}

#[test]
fn what_must_not_be_put_to_work_is_refused_and_the_old_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let good = Samples::build(folder.path(), "c");
    let (component, manifest) = (good.component(), good.manifest());
    let source = good.project().join("plugin.c");
    let text = std::fs::read_to_string(&source).unwrap();
    let trapping = text.replace("{ return nx_json", "{ __builtin_trap(); return nx_json");
    assert_ne!(text, trapping);
    std::fs::write(&source, trapping).unwrap();
    good.rebuild();
    let trapping = good.component();

    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    component::install(&plugins, "samples", &component, &manifest);
    let (mut narthex, pace) = start(
        &plugins,
        "grants: {samples: as-requested}",
        "- job_name: samples\n  plugin: samples\n  plugin_config: {count: 100}\n  \
         static_configs: [{targets: ['somewhere']}]\n",
    );
    wait_until_running(&narthex, "samples", "0.1.0");
    let newer = manifest.replace("0.1.0", "0.2.0");
    let asking = newer.replace("[limits]", "[request]\nfiles = [\"/etc\"]\n\n[limits]");
    let cases = [
        (
            &component[..component.len() / 2],
            &newer,
            ("failed", 1),
            "not a component",
        ),
        (&trapping[..], &newer, ("failed", 2), "trap"),
        (&component[..], &asking, ("held", 1), "asks for"),
    ];
    for (component, manifest, counted, reason) in cases {
        component::install(&plugins, "samples", component, manifest);
        wait_for_refusal(&narthex, ("samples", "0.1.0"), counted, reason);
    }
    let reasons = cases.map(|(_, _, _, reason)| reason.to_owned());
    check_log(&mut narthex, "samples", &reasons);
    pace.check(&narthex, "samples", "samples");
}

/// A version of the guest as a package.
fn package(guest: &Guest, folder: &Path, version: u16) -> Image {
    let pair = folder.join(format!("pair-{version}"));
    fs::create_dir(&pair).unwrap();
    guest.install(&pair, "guest", version);
    let manifest = fs::read_to_string(pair.join("guest.toml")).unwrap();
    let component = fs::read(pair.join("guest.wasm")).unwrap();
    let package = Package::from_pair(manifest, component).unwrap();
    package.image().unwrap()
}

/// Lays a package out, apart from the plugin folder.
fn lay_out(folder: &Path, name: &str, image: &Image, signatures: &[Signature]) -> Layout {
    let layout = Layout::create(folder.join(name)).unwrap();
    layout.install(image, signatures).unwrap();
    layout
}

/// Puts a layout in the place of the one before, whole and in one step, by a link.
fn link(plugins: &Path, layout: &Layout) {
    let new = plugins.join(".guest.new");
    symlink(layout.path(), &new).unwrap();
    fs::rename(new, plugins.join("guest")).unwrap();
}

#[test]
fn what_its_publisher_did_not_sign_is_refused_and_the_old_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Guest::build();
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let (publisher, stranger) = (PrivateKey::generate(), PrivateKey::generate());
    let key = folder.path().join("publisher.pub");
    fs::write(&key, publisher.public_key().to_pem().unwrap()).unwrap();
    let sign = |key: &PrivateKey, image: &Image| key.sign(image.digest(), "here").unwrap();
    let first = package(&guest, folder.path(), 1);
    let first_signed = sign(&publisher, &first);
    let layout = lay_out(folder.path(), "first", &first, from_ref(&first_signed));
    link(&plugins, &layout);
    let (mut narthex, pace) = start(
        &plugins,
        &format!("registry: {{keys: [{}]}}", key.display()),
        "- job_name: guest\n  plugin: guest\n  plugin_config: {do: work}\n  \
         static_configs: [{targets: ['somewhere']}]\n",
    );
    wait_until_running(&narthex, "guest", "0.0.1");

    let [
        changed,
        longer,
        leading_out,
        by_stranger,
        for_another,
        unsigned,
    ] = [2, 3, 4, 5, 6, 7].map(|version| package(&guest, folder.path(), version));
    let cases = [
        (
            "changed",
            &changed,
            vec![sign(&publisher, &changed)],
            "was changed or damaged".to_owned(),
        ),
        (
            "longer",
            &longer,
            vec![sign(&publisher, &longer)],
            "is larger than".to_owned(),
        ),
        (
            "leading-out",
            &leading_out,
            vec![sign(&publisher, &leading_out)],
            "is not a digest".to_owned(),
        ),
        (
            "by-a-stranger",
            &by_stranger,
            vec![sign(&stranger, &by_stranger)],
            format!("no signature of {}", by_stranger.digest()),
        ),
        (
            "for-another",
            &for_another,
            vec![first_signed],
            format!("no signature of {}", for_another.digest()),
        ),
        (
            "unsigned",
            &unsigned,
            Vec::new(),
            format!("{} is not signed", unsigned.digest()),
        ),
    ];
    let (mut count, mut reasons) = (0, Vec::new());
    for (name, image, signatures, reason) in cases {
        let layout = lay_out(folder.path(), name, image, &[]);
        // The signatures lie under the package's own digest, whatever they sign.
        layout.sign(image.digest(), &signatures).unwrap();
        let component = image.manifest().layers[0].digest.hex();
        let blob = layout.path().join("blobs/sha256").join(component);
        let mut bytes = fs::read(&blob).unwrap();
        let index = layout.path().join(INDEX_FILE);
        match name {
            "changed" => *bytes.last_mut().unwrap() ^= 1,
            "longer" => bytes.push(0),
            "leading-out" => {
                let text = fs::read_to_string(&index).unwrap();
                fs::write(&index, text.replace("sha256:", "sha256:../../../")).unwrap();
            }
            _ => {}
        }
        fs::write(&blob, bytes).unwrap();
        link(&plugins, &layout);
        count += 1;
        wait_for_refusal(&narthex, ("guest", "0.0.1"), ("failed", count), &reason);
        reasons.push(reason);
    }
    // Loose files go before a package, and nobody can have signed them.
    guest.install(&plugins, "guest", 8);
    let loose = "guest.wasm is a loose file";
    wait_for_refusal(&narthex, ("guest", "0.0.1"), ("failed", count + 1), loose);
    reasons.push(loose.to_owned());
    check_log(&mut narthex, "guest", &reasons);
    assert_eq!(reloads(&narthex, "guest", "ok"), Ok(1));

    // What is signed is put to work at once, after all of that.
    fs::remove_file(plugins.join("guest.wasm")).unwrap();
    fs::remove_file(plugins.join("guest.toml")).unwrap();
    let last = package(&guest, folder.path(), 9);
    let signed = sign(&publisher, &last);
    link(&plugins, &lay_out(folder.path(), "last", &last, &[signed]));
    wait_until_running(&narthex, "guest", "0.0.9");
    pace.check(&narthex, "guest", "guest");
}
