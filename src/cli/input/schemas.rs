//! Where the schemas of framed records come from.

use crate::change::{FileSchemas, NoSchemas, SchemaId, Schemas};
use crate::registry::{Registry, RegistrySettings};
use std::path::Path;

/// Where schemas come from.
pub trait Source {
    /// Those that are here.
    fn schemas(&self) -> &dyn Schemas;

    /// Brings one that is not.
    fn fetch(&self, id: SchemaId) -> Result<(), String>;
}

/// The schemas of a command.
pub enum AtHand {
    /// There are none.
    Nowhere(NoSchemas),
    /// `--schemas`
    File(FileSchemas),
    /// `--registry`, or the config's
    Registry(Box<Registry>, tokio::runtime::Runtime),
}

impl AtHand {
    /// Of a file, else of a registry that is named, else of the configured one.
    pub fn new(file: Option<&Path>, urls: &[String], configured: Option<&RegistrySettings>) -> Result<Self, String> {
        if let Some(path) = file {
            return schemas_file(path).map(AtHand::File);
        }
        let named =
            RegistrySettings { urls: urls.iter().cloned().map(Into::into).collect(), ..RegistrySettings::default() };
        let settings = match (urls.is_empty(), configured) {
            (false, _) => &named,
            (true, Some(configured)) => configured,
            (true, None) => return Ok(AtHand::Nowhere(NoSchemas)),
        };
        let registry = Registry::new(settings).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(AtHand::Registry(Box::new(registry), runtime.map_err(|error| error.to_string())?))
    }
}

impl Source for AtHand {
    fn schemas(&self) -> &dyn Schemas {
        match self {
            AtHand::Nowhere(none) => none,
            AtHand::File(file) => file,
            AtHand::Registry(registry, _) => &**registry,
        }
    }

    fn fetch(&self, id: SchemaId) -> Result<(), String> {
        match self {
            AtHand::Registry(registry, runtime) => {
                runtime.block_on(registry.fetch(id)).map_err(|error| error.to_string())
            }
            AtHand::Nowhere(_) | AtHand::File(_) => Err(format!("no registry to ask for schema {id}")),
        }
    }
}

fn schemas_file(path: &Path) -> Result<FileSchemas, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    FileSchemas::parse(&text).map_err(|error| {
        format!("{shown}: {error}\nhint: {{\"7\": {{\"schema\": \"...\"}}}}, as the registry's API returns them")
    })
}
