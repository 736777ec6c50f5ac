//! Debian's docker-registry, and plugins to publish to it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Guest, Process, binary, free_port, http, until};

/// A user of a registry that asks for passwords.
pub const USER: &str = "publisher";
/// The user's password.
pub const PASSWORD: &str = "pass:word";
/// The same as the registry keeps it.
const PASSWORD_HASH: &str = "$2b$04$558tgCdRIRplPewF6vQyyu2edqvnWYkPtcexedOe9P8HBOGH/ULei";

/// docker-registry on a port and in a folder of its own.
#[derive(Debug)]
pub struct DockerRegistry {
    process: Process,
    folder: PathBuf,
    port: u16,
}

impl DockerRegistry {
    /// One that everybody may read and write.
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, "")
    }

    /// One that knows [`USER`] only.
    pub fn with_password(folder: &Path) -> Self {
        let file = folder.join("htpasswd");
        fs::write(&file, format!("{USER}:{PASSWORD_HASH}\n")).unwrap();
        let file = file.display();
        Self::with(
            folder,
            &format!("auth: {{htpasswd: {{realm: test, path: {file}}}}}\n"),
        )
    }

    fn with(folder: &Path, more: &str) -> Self {
        let port = free_port();
        let folder = folder.join("registry");
        fs::create_dir(&folder).unwrap();
        let at = folder.display();
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {at}}}}}\n\
             http: {{addr: 127.0.0.1:{port}}}\n{more}"
        );
        let file = folder.join("config.yml");
        fs::write(&file, config).unwrap();
        let args = ["serve".to_owned(), file.display().to_string()];
        let mut process = Process::start("docker-registry", &args, &folder.join("log"));
        let url = format!("http://127.0.0.1:{port}/v2/");
        until(120, &url, || {
            process.check_running()?;
            http::get(&url)
        });
        Self {
            process,
            folder,
            port,
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The file on the registry's disk that holds a blob.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.folder.join("docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// A manifest as text, for a path such as `narthex/redis`.
    pub fn manifest(&self, repository: &str, tag: &str) -> String {
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.address());
        let accept = "application/vnd.oci.image.manifest.v1+json";
        let mut response = ureq::get(&url).header("Accept", accept).call().unwrap();
        response.body_mut().read_to_string().unwrap()
    }

    /// Puts a manifest under a tag, whatever it says.
    pub fn put_manifest(&self, repository: &str, tag: &str, text: &str) {
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.address());
        let kind = "application/vnd.oci.image.manifest.v1+json";
        ureq::put(&url)
            .header("Content-Type", kind)
            .send(text)
            .unwrap();
    }
}

/// An operator at a terminal: a home folder and `narthex plugin`.
#[derive(Debug)]
pub struct Operator {
    home: PathBuf,
}

impl Operator {
    /// One whose files lie in a folder.
    pub fn new(home: &Path) -> Self {
        Self {
            home: home.to_path_buf(),
        }
    }

    /// Runs `narthex plugin` with arguments separated by spaces, in the home folder.
    ///
    /// # Errors
    /// It failed; what it said.
    pub fn plugin(&self, arguments: &str) -> Result<String, String> {
        self.plugin_with(arguments, "")
    }

    /// The same with something to read.
    ///
    /// # Errors
    /// It failed; what it said.
    pub fn plugin_with(&self, arguments: &str, input: &str) -> Result<String, String> {
        let file = self.home.join("input");
        fs::write(&file, input).unwrap();
        let output = std::process::Command::new(binary())
            .arg("plugin")
            .args(arguments.split_whitespace())
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("DOCKER_CONFIG")
            .stdin(fs::File::open(file).unwrap())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// What a command with `-o json` prints.
    pub fn plugin_json(&self, arguments: &str) -> Value {
        let text = self.plugin(&format!("{arguments} -o json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Writes the folder of a plugin called `guest` into the home folder, ready to be pushed:
    /// version `0.0.VERSION`, with a file of rules, a dashboard of that title, and `request` under
    /// `[request]`.
    pub fn write_plugin(&self, guest: &Guest, version: u16, request: &str) {
        let folder = self.home.join(format!("v{version}"));
        let build = folder.join("build");
        fs::create_dir_all(&build).unwrap();
        guest.install(&build, "guest", version);
        let manifest = fs::read_to_string(build.join("guest.toml")).unwrap();
        let manifest = format!(
            "{manifest}description = \"Says its version.\"\n[request]\n{request}\n\
             [files]\nrules = [\"rules.yml\"]\ndashboards = [\"dashboard.json\"]\n"
        );
        fs::write(folder.join("plugin.toml"), manifest).unwrap();
        fs::write(folder.join("rules.yml"), "groups: []\n").unwrap();
        let dashboard = format!(
            "{{\"kind\":\"Dashboard\",\"metadata\":{{\"name\":\"guest\"}},\
             \"spec\":{{\"display\":{{\"name\":\"Guest 0.0.{version}\"}}}}}}"
        );
        fs::write(folder.join("dashboard.json"), dashboard).unwrap();
    }
}
