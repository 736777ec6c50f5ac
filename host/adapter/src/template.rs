//! The templates of rules: PromQL with places between `<<` and `>>`, as prometheus-adapter has them.
//!
//! It is not: Go's template language. What rules use of it is known by name; anything else is an
//! error when the rule is read.

use std::collections::BTreeMap;

use crate::limits::TEMPLATE_BYTES_MAX;

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Series,
    LabelMatchers,
    GroupBy,
    Group,
    Resource,
    /// The values that are asked for of one label, joined by `|`.
    Values(String),
}

/// What is put into the places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filling {
    pub(crate) series: String,
    pub(crate) label_matchers: String,
    pub(crate) group_by: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) values: BTreeMap<String, String>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A place is not closed, or is none that is known.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(format!("it has over {TEMPLATE_BYTES_MAX} bytes"));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once("<<") {
            let (place, after) = behind
                .split_once(">>")
                .ok_or_else(|| "a << without its >>".to_owned())?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(place_of(place.trim())?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text with all places filled.
    pub(crate) fn fill(&self, filling: &Filling) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Series => &filling.series,
            Part::LabelMatchers => &filling.label_matchers,
            Part::GroupBy => &filling.group_by,
            Part::Group => &filling.group,
            Part::Resource => &filling.resource,
            Part::Values(label) => filling.values.get(label).map_or("", String::as_str),
        });
        texts.collect()
    }

    /// The template as a regular expression that finds what filled the places of group and resource.
    pub(crate) fn pattern(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => regex::escape(text),
            Part::Group => "(?P<group>.+?)".to_owned(),
            Part::Resource => "(?P<resource>.+?)".to_owned(),
            _ => String::new(),
        });
        format!("^{}$", parts.collect::<String>())
    }

    /// Whether there is a place for the resource, and none that a label has no use for.
    pub(crate) fn is_of_label(&self) -> bool {
        let is_place = |part: &Part| matches!(part, Part::Text(_) | Part::Group | Part::Resource);
        self.0.contains(&Part::Resource) && self.0.iter().all(is_place)
    }
}

fn place_of(place: &str) -> Result<Part, String> {
    Ok(match place {
        ".Series" => Part::Series,
        ".LabelMatchers" => Part::LabelMatchers,
        ".GroupBy" => Part::GroupBy,
        ".Group" => Part::Group,
        ".Resource" => Part::Resource,
        other => {
            let label = other
                .strip_prefix("index")
                .and_then(|rest| rest.trim_start().strip_prefix(".LabelValuesByName"))
                .and_then(|rest| rest.trim().strip_prefix('"'))
                .and_then(|rest| rest.strip_suffix('"'));
            let Some(label) = label.filter(|label| !label.contains('"')) else {
                return Err(format!(
                    "<<{other}>> is not known; .Series, .LabelMatchers, .GroupBy, .Group, \
                     .Resource and index .LabelValuesByName \"label\" are"
                ));
            };
            Part::Values(label.to_owned())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let text = "sum(rate(<<.Series>>{<<.LabelMatchers>>,a=~\"<<index .LabelValuesByName \
                    \"pod\">>\"}[2m])) by (<< .GroupBy >>)";
        let filling = Filling {
            series: "s_total".to_owned(),
            label_matchers: "namespace=\"n\"".to_owned(),
            group_by: "pod".to_owned(),
            values: BTreeMap::from([("pod".to_owned(), "a|b".to_owned())]),
            ..Filling::default()
        };
        let filled = Template::parse(text).unwrap().fill(&filling);
        let expected = "sum(rate(s_total{namespace=\"n\",a=~\"a|b\"}[2m])) by (pod)";
        assert_eq!(filled, expected);
    }

    #[test]
    fn what_is_no_place_is_named() {
        for (text, expected) in [
            ("<<.Serie>>", "<<.Serie>> is not known"),
            ("<<range .GroupBySlice>>", "is not known"),
            ("a <<.Series", "a << without its >>"),
            (
                "<<index .LabelValuesByName pod>>",
                "<<index .LabelValuesByName pod>> is not known",
            ),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let long = "x".repeat(TEMPLATE_BYTES_MAX + 1);
        assert!(Template::parse(&long).is_err());
    }

    #[test]
    fn a_template_of_labels_is_read_backwards() {
        let template = Template::parse("kube_<<.Group>>_<<.Resource>>").unwrap();
        assert!(template.is_of_label());
        let pattern = regex::Regex::new(&template.pattern()).unwrap();
        let found = pattern.captures("kube_apps_deployment").unwrap();
        assert_eq!(
            (&found["group"], &found["resource"]),
            ("apps", "deployment")
        );
        assert!(!Template::parse("<<.Series>>").unwrap().is_of_label());
    }
}
