use std::cell::Cell;

use super::*;

fn text(name: &str, title: &str) -> String {
    format!(
        "{{\"kind\":\"Dashboard\",\"metadata\":{{\"name\":\"{name}\"}},\
         \"spec\":{{\"display\":{{\"name\":\"{title}\"}}}}}}"
    )
}

#[test]
fn our_own_dashboard_is_one() {
    let catalogue = Catalogue::new(&[], None);
    let list = catalogue.list(&());
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].title.as_str(), &list[0].error), ("Narthex", &None));
    let detail = catalogue.detail(&(), "narthex").unwrap();
    let placed = detail
        .dashboard
        .pointer("/spec/layouts")
        .unwrap()
        .as_array();
    let items = placed.unwrap().iter().flat_map(|layout| {
        let items = layout.pointer("/spec/items").unwrap().as_array();
        items.unwrap().clone()
    });
    assert_eq!(items.count(), detail.entry.panels, "each panel has a place");
    assert_eq!(catalogue.detail(&(), "nobody"), None);
}

#[test]
fn a_file_takes_the_place_of_a_carried_one_and_the_first_of_two_has_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("a.json", &text("redis", "Ours"));
    put("b.json", &text("redis", "Theirs"));
    put("c.json", "{}");
    let (redis, broken) = (text("redis", "Redis"), "[]".to_owned());
    let of_plugin = |plugin, text| PluginFile {
        plugin,
        title: "dashboard.json",
        text,
    };
    let files = [of_plugin("redis", &redis), of_plugin("broken", &broken)];
    let catalogue = Catalogue::new(&files, Some(folder.path().to_owned()));
    let list = catalogue.list(&());
    let shown: Vec<(&str, Source, &str, Option<&str>)> = list
        .iter()
        .map(|entry| {
            let error = entry.error.as_deref();
            (
                entry.title.as_str(),
                entry.source,
                entry.origin.as_str(),
                error,
            )
        })
        .collect();
    let said = "the file: its kind is \"\", not Dashboard";
    assert_eq!(
        shown,
        [
            ("Narthex", Source::Narthex, "", None),
            ("Ours", Source::File, "a.json", None),
            (
                "b.json",
                Source::File,
                "b.json",
                Some("its name \"redis\" is that of a.json")
            ),
            ("c.json", Source::File, "c.json", Some(said)),
            (
                "dashboard.json",
                Source::Plugin,
                "broken",
                Some("the file: it is not an object")
            ),
        ]
    );
    assert_eq!(catalogue.detail(&(), "redis").unwrap().entry.title, "Ours");
    std::fs::remove_file(folder.path().join("a.json")).unwrap();
    assert_eq!(
        catalogue.detail(&(), "redis").unwrap().entry.title,
        "Theirs"
    );
    std::fs::remove_file(folder.path().join("b.json")).unwrap();
    assert_eq!(catalogue.detail(&(), "redis").unwrap().entry.title, "Redis");
}

/// One plugin, whose package changes.
struct OnePackage {
    version: Cell<&'static str>,
    reads: Cell<usize>,
}

impl Packages for OnePackage {
    fn versions(&self) -> Vec<(String, String)> {
        match self.version.get() {
            "" => Vec::new(),
            version => vec![("redis".to_owned(), version.to_owned())],
        }
    }

    fn files(&self, plugin: &str) -> Vec<(String, String)> {
        self.reads.set(self.reads.get() + 1);
        vec![(format!("{plugin}.json"), text("redis", self.version.get()))]
    }
}

#[test]
fn a_package_is_read_once_and_anew_where_it_is_another_one() {
    let own = text("redis", "Of the binary");
    let files = [PluginFile {
        plugin: "redis",
        title: "dashboard.json",
        text: &own,
    }];
    let catalogue = Catalogue::new(&files, None);
    let package = OnePackage {
        version: Cell::new(""),
        reads: Cell::new(0),
    };
    let title = || catalogue.detail(&package, "redis").unwrap().entry.title;
    assert_eq!(
        (title().as_str(), package.reads.get()),
        ("Of the binary", 0)
    );
    for (version, reads) in [("first", 1), ("first", 1), ("second", 2), ("second", 2)] {
        package.version.set(version);
        assert_eq!((title().as_str(), package.reads.get()), (version, reads));
    }
    package.version.set("");
    assert_eq!(title(), "Of the binary");
}

#[test]
fn metrics_say_how_many_can_be_shown_and_how_many_not() {
    let catalogue = Catalogue::new(&[], Some("/there/is/no/such/folder".into()));
    let mut registry = Registry::default();
    catalogue.register(&mut registry);
    let list = catalogue.list(&());
    assert!(
        list.iter()
            .any(|entry| entry.origin == "/there/is/no/such/folder")
    );
    let mut shown = String::new();
    prometheus_client::encoding::text::encode(&mut shown, &registry).unwrap();
    for line in ["narthex_dashboards 1\n", "narthex_dashboards_failed 1\n"] {
        assert!(shown.contains(line), "{shown}");
    }
}
