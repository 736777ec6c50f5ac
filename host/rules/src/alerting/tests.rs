//! What a URL of a query looks like; how alerts come and go is tried with their groups.

use super::*;

#[test]
fn a_query_has_a_url() {
    for (query, part) in [
        ("up", "up"),
        ("up == 0", "up+%3D%3D+0"),
        ("a{b=\"ä\"} / 2", "a%7Bb%3D%22%C3%A4%22%7D+%2F+2"),
        ("x-y_z.~", "x-y_z.~"),
    ] {
        let url = generator_url("http://p/x", query);
        assert_eq!(url, format!("http://p/x/graph?g0.expr={part}&g0.tab=1"));
    }
}
