//! `narthex:plugin/texts`: texts of the configuration, with the notification that is to be delivered.

use tokio::time::timeout_at;
use wasmtime::Result;

use crate::bindings::plugin::types::Error;
use crate::bindings::receiver::narthex::plugin::texts;
use crate::budget::{Interface, Spend};
use crate::expand::TextForm;
use crate::host::Host;
use crate::limits::{EXPANDED_BYTES_MAX, TEMPLATE_BYTES_MAX};

impl texts::Host for Host {
    async fn expand(&mut self, template: String) -> Result<Result<String, Error>> {
        self.enter(Interface::Texts)?;
        Ok(self.expanded(template, TextForm::Plain).await)
    }

    async fn expand_html(&mut self, template: String) -> Result<Result<String, Error>> {
        self.enter(Interface::Texts)?;
        Ok(self.expanded(template, TextForm::Html).await)
    }
}

impl Host {
    async fn expanded(&mut self, template: String, form: TextForm) -> Result<String, Error> {
        let Some(texts) = self.call.texts.clone() else {
            let text = "texts are expanded while a notification is delivered, and not before";
            return Err(Error::Internal(text.to_owned()));
        };
        self.spend(Spend::Text)?;
        if template.len() > TEMPLATE_BYTES_MAX {
            let text = format!("a template of over {TEMPLATE_BYTES_MAX} bytes");
            return Err(Error::Config(text));
        }
        // A template may take its time, which is another task's.
        let expanding = tokio::task::spawn_blocking(move || texts.expand(&template, form));
        let expanded = match timeout_at(self.patience(), expanding).await {
            Ok(Ok(expanded)) => expanded.map_err(Error::Config)?,
            Ok(Err(_)) => return Err(Error::Internal("a text was not expanded".to_owned())),
            Err(_) => return Err(Error::Timeout),
        };
        if expanded.len() > EXPANDED_BYTES_MAX {
            let text = format!("a template makes over {EXPANDED_BYTES_MAX} bytes");
            return Err(Error::Config(text));
        }
        self.spend_bytes(expanded.len())?;
        Ok(expanded)
    }
}
