//! `/consoles/*`: pages that are templates. A page is a file below `--web.console.templates`; what
//! the files `*.lib` in `--web.console.libraries` define is there for all of them. Both are read at
//! each request.
//!
//! It is not: the language and its functions, which are `narthex-template`'s.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{self, Extension, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use narthex_promql::{Engine, QueryOptions, VectorSample};
use narthex_storage::Queryable;
use narthex_template::prometheus::{Expander, Querier, Sample, SampleValue, expand_html};
use narthex_template::{Element, Limits, List, Map, Struct, Type, Value};
use tokio::runtime::Handle;

use crate::ApiState;
use crate::params::FIELDS_MAX;
use crate::state::Serving;

/// A file may have this many bytes; a larger one is answered with 500.
pub const CONSOLE_BYTES_MAX: u64 = 4 << 20;

/// So many libraries may lie in the folder; more are answered with 500.
pub const CONSOLE_LIBRARIES_MAX: usize = 100;

/// So many pages are made at a time; more requests wait for their turn. Each takes a thread that
/// waits for its queries.
pub const CONSOLES_MAX: usize = 16;

/// Where the pages and what they share lie.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// `--web.console.templates`
    pub templates: PathBuf,
    /// `--web.console.libraries`
    pub libraries: PathBuf,
}

/// What stands before the text of a page: short names for the data.
const PRELUDE: &str = "{{$rawParams := .RawParams}}{{$params := .Params}}{{$path := .Path}}\
                       {{$externalLabels := .ExternalLabels}}";

const DATA: Type = Type::plain(
    "struct { RawParams url.Values; Params map[string]string; Path string; \
     ExternalLabels map[string]string }",
    Element::Any,
);

/// All values of a parameter, for each.
const RAW_PARAMS: Type = Type::plain("url.Values", Element::Any);

/// Why there is no page: a status, and Prometheus' text.
type Refusal = (StatusCode, String);

/// `/consoles/*`
pub(crate) async fn console(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    extract::Path(name): extract::Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(turn) = state.console_turns().acquire_owned().await else {
        return refused((StatusCode::SERVICE_UNAVAILABLE, "closed".to_owned()));
    };
    let leaving = Leaving::default();
    let asking = Asking {
        engine: state.engine(),
        storage: Arc::clone(&serving.storage),
        runtime: Handle::current(),
        has_left: Arc::clone(&leaving.0),
    };
    let made = tokio::task::spawn_blocking(move || {
        let made = page(&state, &name, query.as_deref().unwrap_or_default(), &asking);
        drop(turn);
        made
    });
    match made.await {
        Ok(Ok(page)) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, html)], page).into_response()
        }
        Ok(Err(refusal)) => refused(refusal),
        Err(error) => refused((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

fn refused((status, text): Refusal) -> Response {
    (status, format!("{text}\n")).into_response()
}

/// Reads the files, and expands the page.
fn page(state: &ApiState, name: &str, query: &str, asking: &Asking) -> Result<String, Refusal> {
    let failed = |text: String| (StatusCode::INTERNAL_SERVER_ERROR, text);
    let options = &state.options().consoles;
    let (path, text) = template(&options.templates, name)?;
    let text = format!("{PRELUDE}{text}");
    let libraries = libraries(&options.libraries).map_err(failed)?;
    let external = &state.options().external_url;
    let external = format!("{}://{}{}", external.scheme, external.host, external.path);
    let mut expander = Expander::new(asking, state.options().clock.now_ms(), &external);
    // A page shows many series, and not one alert.
    expander.limits = Limits::DEFAULT;
    let data = Value::Struct(Struct::new(
        &DATA,
        vec![
            ("RawParams", raw_params(query)),
            ("Params", first_params(query)),
            ("Path", path.as_str().into()),
            (
                "ExternalLabels",
                Value::string_map(state.config().external_labels.iter()),
            ),
        ],
    ));
    let name = format!("__console_/{path}");
    expand_html(&name, &text, &libraries, &data, &expander)
        .map_err(|error| failed(error.to_string()))
}

/// The path of a page within the folder, and its text. What leads out of the folder is not found.
fn template(folder: &Path, name: &str) -> Result<(String, String), Refusal> {
    let mut within = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => within.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let text = format!("open {name}: a path must not lead out of the folder");
                return Err((StatusCode::NOT_FOUND, text));
            }
        }
    }
    let path = folder.join(&within);
    let file = File::open(&path).map_err(|error| {
        let text = format!("open {}: {}", path.display(), cause(&error));
        (StatusCode::NOT_FOUND, text)
    })?;
    let text = read(file, &path).map_err(|text| (StatusCode::INTERNAL_SERVER_ERROR, text))?;
    Ok((within.display().to_string(), text))
}

/// The files that define what pages share, by their names. A folder that is not there has none.
fn libraries(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut found = BTreeMap::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lib") {
            found.insert(entry.file_name().to_string_lossy().into_owned(), path);
        }
        if found.len() > CONSOLE_LIBRARIES_MAX {
            let folder = folder.display();
            return Err(format!(
                "{folder}: there are over {CONSOLE_LIBRARIES_MAX} libraries"
            ));
        }
    }
    let read = found.into_iter().map(|(name, path)| {
        let file = File::open(&path)
            .map_err(|error| format!("open {}: {}", path.display(), cause(&error)))?;
        Ok((name, read(file, &path)?))
    });
    read.collect()
}

/// The text of a file; what is not UTF-8 in it is replaced.
fn read(file: File, path: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("read {}: {}", path.display(), cause(&error));
    let kind = file.metadata().map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(format!("read {}: is a directory", path.display()));
    }
    // A pipe may never end.
    if !kind.is_file() {
        return Err(format!("read {}: not a file", path.display()));
    }
    let mut bytes = Vec::new();
    let mut bounded = file.take(CONSOLE_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > CONSOLE_BYTES_MAX {
        let path = path.display();
        return Err(format!("read {path}: over {CONSOLE_BYTES_MAX} bytes"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the system said, in the words that a Go program has for the usual.
fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    }
}

fn fields(query: &str) -> impl Iterator<Item = (String, String)> {
    let fields = form_urlencoded::parse(query.as_bytes()).into_owned();
    fields.take(FIELDS_MAX)
}

fn raw_params(query: &str) -> Value {
    let mut params: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fields(query) {
        params.entry(name).or_default().push(value);
    }
    let params = params.into_iter().map(|(name, values)| {
        let values = values.into_iter().map(Value::string).collect();
        let values = Value::List(List::new(&Type::STRINGS, values));
        (Arc::from(name), values)
    });
    Value::Map(Map::new(&RAW_PARAMS, params))
}

fn first_params(query: &str) -> Value {
    let mut params: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in fields(query) {
        params.entry(name).or_insert(value);
    }
    Value::string_map(params)
}

/// Tells who makes a page that nobody waits for it any more.
#[derive(Default)]
struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks the engine, and waits.
struct Asking {
    engine: Arc<Engine>,
    storage: Arc<dyn Queryable>,
    runtime: Handle,
    has_left: Arc<AtomicBool>,
}

impl Querier for Asking {
    fn query(&self, expression: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        if self.has_left.load(Ordering::Relaxed) {
            return Err("the client has left".to_owned());
        }
        let (storage, options) = (Arc::clone(&self.storage), QueryOptions::default());
        let answer = self.engine.instant(storage, expression, at_ms, &options);
        let answer = self.runtime.block_on(answer);
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.value {
            narthex_promql::Value::Vector(samples) => Ok(samples.iter().map(sample).collect()),
            narthex_promql::Value::Scalar { value, .. } => Ok(vec![Sample {
                labels: narthex_model::Labels::empty(),
                value: SampleValue::Float(value),
            }]),
            narthex_promql::Value::String { .. } | narthex_promql::Value::Matrix(_) => {
                Err("rule result is not a vector or scalar".to_owned())
            }
        }
    }
}

fn sample(found: &VectorSample) -> Sample {
    Sample {
        labels: found.labels.clone(),
        value: match &found.histogram {
            Some(histogram) => SampleValue::Histogram(histogram.to_string()),
            None => SampleValue::Float(found.value),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("pages");
        std::fs::create_dir_all(pages.join("sub")).unwrap();
        std::fs::write(pages.join("sub/a.html"), "inside").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        for name in ["sub/a.html", "/sub//a.html", "./sub/./a.html"] {
            let found = template(&pages, name).unwrap();
            assert_eq!(found, ("sub/a.html".to_owned(), "inside".to_owned()));
        }
        let shown = pages.display();
        for (name, status, text) in [
            (
                "../secret",
                404,
                "open ../secret: a path must not".to_owned(),
            ),
            ("sub/../../secret", 404, "open sub/../../secret:".to_owned()),
            (
                "none",
                404,
                format!("open {shown}/none: no such file or directory"),
            ),
            ("sub", 500, format!("read {shown}/sub: is a directory")),
        ] {
            let (found, said) = template(&pages, name).unwrap_err();
            assert_eq!(found.as_u16(), status, "{name}");
            assert!(said.starts_with(&text), "{said}");
        }
    }

    #[test]
    fn files_have_a_bound_and_there_are_so_many_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        let file = File::create(&large).unwrap();
        file.set_len(CONSOLE_BYTES_MAX + 1).unwrap();
        let (status, text) = template(folder.path(), "large").unwrap_err();
        assert!(status.as_u16() == 500 && text.ends_with("bytes"), "{text}");
        assert_eq!(libraries(&folder.path().join("none")), Ok(Vec::new()));
        for at in 0..CONSOLE_LIBRARIES_MAX {
            std::fs::write(folder.path().join(format!("{at:03}.lib")), "x").unwrap();
        }
        let found = libraries(folder.path()).unwrap();
        assert_eq!(found.len(), CONSOLE_LIBRARIES_MAX);
        assert_eq!(found[0], ("000.lib".to_owned(), "x".to_owned()));
        std::fs::write(folder.path().join("more.lib"), "x").unwrap();
        assert!(libraries(folder.path()).is_err());
    }
}
