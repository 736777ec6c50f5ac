//! Pages that are templates.

use crate::fixture::Api;

const LIBRARY: &str = r#"{{ define "row" }}<td>{{ .arg0 }}</td>{{ end }}"#;

const PAGE: &str = "<h1>{{ $path }} of {{ $externalLabels.region }}</h1>\
<p title=\"{{ $params.job }}\">{{ range $rawParams.job }}[{{ . }}]{{ end }}{{ $params.none }}</p>\
<tr>{{ range query (printf \"up{job='%s'}\" $params.job) | sortByLabel \"job\" }}\
{{ template \"row\" (args .Labels.job) }}{{ template \"row\" (args (. | value)) }}{{ end }}</tr>\
<a href=\"{{ graphLink \"up\" }}\">{{ externalURL }}</a>";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("console_libraries/prom.lib", LIBRARY),
        ("consoles/node/index.html", PAGE),
        ("consoles/broken.html", "{{ nobody }}"),
        ("consoles/failing.html", "{{ query \"up[5m\" }}"),
        ("consoles/scalar.html", "{{ query \"1\" | first | value }}"),
        ("secret", "outside"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_console_shows_what_its_queries_find() {
    let folder = folder();
    let api = Api::with_consoles(folder.path()).await;
    let (status, page) = api.get("/consoles/node/index.html?job=a&job=%3Cb%3E").await;
    let expected = "<h1>node/index.html of eu</h1><p title=\"a\">[a][&lt;b&gt;]</p>\
                    <tr><td>a</td><td>1</td></tr>\
                    <a href=\"/graph?g0.expr=up&amp;g0.tab=0\">https://prom.example</a>";
    assert_eq!((status, page.as_str()), (200, expected));
    let (status, page) = api.get("/consoles/scalar.html").await;
    assert_eq!((status, page.as_str()), (200, "1"));
    // Files are read at each request.
    std::fs::write(folder.path().join("consoles/scalar.html"), "new").unwrap();
    assert_eq!(api.get("/consoles/scalar.html").await.1, "new");
}

#[tokio::test]
async fn what_is_no_console_is_told_in_prometheus_words() {
    let folder = folder();
    let api = Api::with_consoles(folder.path()).await;
    let shown = folder.path().display();
    for (path, status, part) in [
        (
            "none.html",
            404,
            format!("open {shown}/consoles/none.html: no such file or directory\n"),
        ),
        ("%2e%2e/secret", 404, "open ../secret: ".to_owned()),
        ("node%2F..%2F..%2Fsecret", 404, "open node/../".to_owned()),
        ("node", 500, "is a directory".to_owned()),
        (
            "broken.html",
            500,
            "error parsing template __console_/broken.html: template: ".to_owned(),
        ),
        (
            "failing.html",
            500,
            "error executing template __console_/failing.html: template: ".to_owned(),
        ),
    ] {
        let (found, text) = api.get(&format!("/consoles/{path}")).await;
        assert!(found == status && text.contains(&part), "{found} {text}");
        assert!(!text.contains("outside"), "{text}");
    }
    let library = folder.path().join("console_libraries/bad.lib");
    std::fs::write(library, "{{ define }}").unwrap();
    let (status, text) = api.get("/consoles/scalar.html").await;
    let part = "error parsing template files for __console_/scalar.html: ";
    assert!(status == 500 && text.starts_with(part), "{status} {text}");
}
