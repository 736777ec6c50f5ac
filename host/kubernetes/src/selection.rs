//! Which objects a watch is of.

/// Objects of one kind. Two equal ones share a watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Selection {
    /// As in an object: `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// None is all of them, and objects of the cluster have none.
    pub namespace: Option<String>,
    /// `app=web,tier!=cache`; empty is every object.
    pub label_selector: String,
    /// `spec.nodeName=a`; empty is every object.
    pub field_selector: String,
}

impl Selection {
    /// All objects of a kind.
    pub fn of(api_version: &str, kind: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            ..Self::default()
        }
    }

    /// `v1/Pod`.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.api_version, self.kind)
    }

    /// The query of a request: these parameters, and the selectors.
    pub(crate) fn query(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let selectors = [
            ("labelSelector", &*self.label_selector),
            ("fieldSelector", &*self.field_selector),
        ];
        for (name, value) in parameters.iter().chain(&selectors) {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}
