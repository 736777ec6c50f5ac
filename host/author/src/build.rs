//! From a project to a component.
//!
//! Each language has a file below: which compiler it needs, where that is looked for, how it is
//! called. Its result is a component, or a core module that [`crate::component`] makes one of.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use narthex_registry::MANIFEST_FILE;

use crate::contract::Contract;
use crate::project::SDK;
use crate::{AuthorError, Language, Project, component, embedded, file};

/// What a build left in `build/`.
#[derive(Debug, Clone)]
pub struct Built {
    /// The component: `build/NAME.wasm`.
    pub component: PathBuf,
    /// A copy of the manifest: `build/NAME.toml`.
    pub manifest: PathBuf,
    /// The component's size.
    pub bytes: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// Builds a project with its language's own compiler. What the compiler says goes to standard
/// error.
///
/// # Errors
/// The compiler is missing or says no, or the component is not what the project's world needs.
pub fn build(project: &Project) -> Result<Built, AuthorError> {
    let started = Instant::now();
    let contract = Contract::read(&project.manifest.world)?;
    let bytes = match project.language {
        Language::Rust => rust::build(project)?,
        Language::Go => component::encode(&go::build(project, &contract)?)?,
        Language::Python => python::build(project)?,
        Language::JavaScript => javascript::build(project)?,
        Language::C => component::encode(&c::build(project, &contract)?)?,
    };
    component::check(&bytes, &contract)?;
    // The manifest first: whoever watches the folder looks when the component changes.
    let built = Built {
        component: project.component(),
        manifest: project.manifest_copy(),
        bytes: bytes.len(),
        elapsed: started.elapsed(),
    };
    let manifest = file::read(&project.folder.join(MANIFEST_FILE))?;
    file::replace(&built.manifest, manifest)?;
    file::replace(&built.component, bytes)?;
    Ok(built)
}

/// The folder of the SDK: the project's own, or where it has none this version's, written out.
fn sdk(project: &Project) -> Result<PathBuf, AuthorError> {
    let own = project.folder.join(SDK);
    if own.is_dir() {
        return Ok(own);
    }
    let folder = project.intermediate().join(SDK);
    file::remove_folder(&folder)?;
    embedded::write(project.language.sdk(), &folder)?;
    Ok(folder)
}

/// The folder of the contract, written out for a compiler that reads it itself.
fn wit(project: &Project) -> Result<PathBuf, AuthorError> {
    let folder = project.intermediate().join("wit");
    file::remove_folder(&folder)?;
    Contract::write(&folder)?;
    Ok(folder)
}

/// Bindings, by their paths from the folder that they go to.
fn bindings(
    mut generator: Box<dyn wit_bindgen_core::WorldGenerator>,
    contract: &Contract,
) -> Result<Vec<(String, Vec<u8>)>, AuthorError> {
    let mut files = wit_bindgen_core::Files::default();
    let mut resolve = contract.resolve.clone();
    generator
        .generate(&mut resolve, contract.world, &mut files)
        .map_err(|error| AuthorError::Component(format!("no bindings: {error:#}")))?;
    let files = files.iter();
    Ok(files
        .map(|(name, content)| (name.to_owned(), content.to_vec()))
        .collect())
}
