//! Texts of the fake host: by the test's own function, and plain ones without.
//!
//! It is not: a template engine.

use std::fmt;
use std::rc::Rc;

use crate::Error;

/// What makes a text of a template; it is told whether the text is HTML.
type Expand = Rc<dyn Fn(&str, bool) -> Result<String, Error>>;

#[derive(Default)]
pub(super) struct Templates {
    expand: Option<Expand>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    pub(super) fn expand_by(
        &mut self,
        expand: impl Fn(&str, bool) -> Result<String, Error> + 'static,
    ) {
        self.expand = Some(Rc::new(expand));
    }
}

pub(crate) mod texts {
    //! As the import `texts`.

    use crate::Error;
    use crate::fake::with;

    pub(crate) fn expand(template: &str) -> Result<String, Error> {
        expanded(template, false)
    }

    pub(crate) fn expand_html(template: &str) -> Result<String, Error> {
        expanded(template, true)
    }

    fn expanded(template: &str, is_html: bool) -> Result<String, Error> {
        // Called outside of `with`: the function may look at the host.
        match with(|host| host.templates.expand.clone()) {
            Some(expand) => expand(template, is_html),
            None if !template.contains("{{") => Ok(template.to_owned()),
            None => Err(Error::Internal(
                "the test's host has no templates: give it `texts`".to_owned(),
            )),
        }
    }
}
