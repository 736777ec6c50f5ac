use super::*;
use crate::component::tests::component;
use crate::digest::Digest;
use crate::oci::ImageManifest;

/// A package of version `version`, with one file of each kind.
pub(crate) fn package(version: &str) -> Package {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "name = \"redis\"\nversion = \"{version}\"\nworld = \"exporter\"\nwit = \"0.1\"\n\
         description = \"Reads.\"\n[files]\nscrape = \"scrape.yml\"\nrules = [\"rules.yml\"]\n\
         dashboards = [\"boards/one.json\"]\n"
    );
    std::fs::create_dir(folder.path().join("boards")).unwrap();
    for (name, text) in [
        ("plugin.toml", manifest.as_str()),
        ("scrape.yml", "job_name: redis\n"),
        ("rules.yml", "groups: []\n"),
        ("boards/one.json", "{}"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Package::from_folder(folder.path(), component(version.as_bytes())).unwrap()
}

#[test]
fn a_package_becomes_an_image_and_a_package_again() {
    let package = package("0.1.0");
    let image = package.image().unwrap();
    assert_eq!(Package::from_image(&image).unwrap(), package);
    assert_eq!(package.image().unwrap(), image, "the same each time");
    let types: Vec<&str> = image
        .manifest()
        .layers
        .iter()
        .map(|layer| layer.media_type.as_str())
        .collect();
    assert_eq!(
        types,
        [
            oci::COMPONENT_TYPE,
            oci::PLUGIN_MANIFEST_TYPE,
            oci::SCRAPE_TYPE,
            oci::RULES_TYPE,
            oci::DASHBOARD_TYPE
        ]
    );
    assert_eq!(image.manifest().config.media_type, oci::WASM_CONFIG_TYPE);
}

/// The package's image, with its OCI manifest changed as text and all digests right again.
fn changed(package: &Package, from: &str, to: &str) -> Result<Package, PackageError> {
    let image = package.image().unwrap();
    let text = std::str::from_utf8(image.bytes()).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    let bytes = Bytes::from(text.replace(from, to));
    let mut blobs: std::collections::BTreeMap<Digest, Bytes> =
        image.blobs().map(|(d, b)| (*d, b.clone())).collect();
    let digest = Digest::of(&bytes);
    blobs.insert(digest, bytes);
    Image::read(&blobs, &digest).and_then(|image| Package::from_image(&image))
}

#[test]
fn an_image_whose_parts_do_not_belong_together_is_refused() {
    let package = package("0.1.0");
    for (from, to, part) in [
        ("vnd.narthex.plugin.v1", "vnd.other.v1", "its type is"),
        (
            "\"application/wasm\"",
            "\"text/plain\"",
            "one layer of type application/wasm",
        ),
        (
            "\"rules.yml\"",
            "\"../../rules.yml\"",
            "no file \"rules.yml\"",
        ),
        ("\"rules.yml\"", "\"/etc/passwd\"", "no file \"rules.yml\""),
        (
            "\"redis\"",
            "\"other\"",
            "annotation org.opencontainers.image.title",
        ),
        (
            "\"0.1.0\"",
            "\"9.9.9\"",
            "annotation org.opencontainers.image.version",
        ),
        ("rules.v1+yaml", "unknown.v1+yaml", "no file \"rules.yml\""),
        ("manifest.v1+json", "index.v1+json", "is a "),
    ] {
        let error = changed(&package, from, to).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_that_the_manifest_does_not_name_are_refused_and_other_layers_ignored() {
    let package = package("0.1.0");
    for (media_type, title, is_taken) in [
        (oci::RULES_TYPE, "../../x", false),
        (oci::RULES_TYPE, "/etc/passwd", false),
        // Twice, and twice where the file system does not tell cases apart.
        (oci::RULES_TYPE, "rules.yml", false),
        (oci::RULES_TYPE, "RULES.yml", false),
        (oci::DASHBOARD_TYPE, "rules.yml", false),
        (oci::RULES_TYPE, "", false),
        ("application/x-later", "../../x", true),
    ] {
        let image = package.image().unwrap();
        let bytes = Bytes::from_static(b"groups: []");
        let descriptor = Descriptor::of(media_type, &bytes).with(oci::TITLE, title);
        let mut manifest: ImageManifest = image.manifest().clone();
        let mut layers: Vec<_> = manifest
            .layers
            .drain(..)
            .map(|layer| (layer.clone(), image.layer(&layer).unwrap().clone()))
            .collect();
        layers.push((descriptor, bytes));
        let config = manifest.config.clone();
        let config_bytes = image.layer(&config).unwrap().clone();
        let image = Image::build(
            oci::PACKAGE_TYPE,
            (config, config_bytes),
            layers,
            manifest.annotations,
        )
        .unwrap();
        assert_eq!(
            Package::from_image(&image).is_ok(),
            is_taken,
            "{media_type} {title:?}"
        );
    }
}

#[test]
fn what_a_manifest_promises_is_looked_at_before_anything_is_read() {
    struct Nothing(Bytes);
    impl crate::image::BlobSource for Nothing {
        fn blob(&self, digest: &Digest, _: u64) -> Result<Bytes, PackageError> {
            assert_eq!(*digest, Digest::of(&self.0), "a layer was asked for");
            Ok(self.0.clone())
        }
    }
    let image = package("0.1.0").image().unwrap();
    let whole = image.manifest();
    let mut large = whole.clone();
    large.layers[0].size = COMPONENT_BYTES_MAX + 1;
    let mut large_rules = whole.clone();
    large_rules.layers[3].size = LAYER_BYTES_MAX + 1;
    let mut large_config = whole.clone();
    large_config.config.size = 1 << 30;
    let mut many = whole.clone();
    many.layers = vec![whole.layers[3].clone(); 81];
    for (manifest, part) in [
        (
            large,
            "\"redis.wasm\" (application/wasm) is larger than 134217728 bytes",
        ),
        (large_rules, "is larger than 1048576 bytes"),
        (large_config, "is larger than 65536 bytes"),
        (many, "81 layers"),
    ] {
        let bytes = Bytes::from(serde_json::to_vec(&manifest).unwrap());
        let digest = Digest::of(&bytes);
        let error = Image::read(&Nothing(bytes), &digest)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_folder_without_a_named_file_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name = \"a\"\nversion = \"1\"\nworld = \"exporter\"\nwit = \"0.1\"\n\
                    [files]\nrules = [\"rules.yml\"]\n";
    std::fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
    let error = Package::from_folder(folder.path(), component(b"")).unwrap_err();
    assert!(error.to_string().contains("rules.yml"), "{error}");
    std::fs::write(folder.path().join("rules.yml"), vec![b' '; (1 << 20) + 1]).unwrap();
    let error = Package::from_folder(folder.path(), component(b"")).unwrap_err();
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
}
