//! A connector file: `{"name": ..., "config": {...}}`.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings of a connector, as Kafka Connect keeps them: texts, all of them.
pub type Settings = BTreeMap<String, String>;

/// Connect adds this one to what it stores.
const NAME: &str = "name";

/// See the module's text.
#[derive(Debug)]
pub struct ConnectorFile {
    pub path: PathBuf,
    pub name: String,
    /// As they stand in the file.
    pub settings: Settings,
}

impl ConnectorFile {
    /// The settings as Connect stores them.
    pub fn wanted(&self) -> Settings {
        let mut wanted = self.settings.clone();
        wanted.insert(NAME.to_owned(), self.name.clone());
        wanted
    }
}

/// Every file, or what is wrong with the first that cannot be used: nothing is done by halves.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<ConnectorFile>, String> {
    let mut files: Vec<ConnectorFile> = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = if path.is_dir() { "name the files in it" } else { "name a file that this user can read" };
            format!("cannot read {}: {error}\nhint: {hint}, e.g. connectors/*.json", path.display())
        })?;
        let file = parse(path, &text)?;
        if let Some(other) = files.iter().find(|other| other.name == file.name) {
            let (this, other) = (path.display(), other.path.display());
            return Err(format!("{this} and {other} have the same name: {}\nhint: rename one of them", file.name));
        }
        files.push(file);
    }
    Ok(files)
}

fn parse(path: &Path, text: &str) -> Result<ConnectorFile, String> {
    let wrong = |what: String| {
        format!("{}: {what}\nhint: a connector file holds {{\"name\": \"...\", \"config\": {{...}}}}", path.display())
    };
    let document: Json = serde_json::from_str(text).map_err(|error| wrong(format!("no JSON: {error}")))?;
    let name = document.get(NAME).and_then(Json::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| wrong("no \"name\"".to_owned()))?.to_owned();
    let config = document.get("config").and_then(Json::as_object);
    let config = config.ok_or_else(|| wrong("no \"config\"".to_owned()))?;
    let setting = |(key, value): (&String, &Json)| match value {
        Json::String(text) => Ok((key.clone(), text.clone())),
        Json::Number(_) | Json::Bool(_) => Ok((key.clone(), value.to_string())),
        // The value may be a secret.
        _ => Err(wrong(format!("{key:?} is neither a text nor a number nor true or false"))),
    };
    let settings: Settings = config.iter().map(setting).collect::<Result<_, _>>()?;
    if let Some(other) = settings.get(NAME).filter(|other| **other != name) {
        return Err(wrong(format!("two names: {name:?}, and {other:?} in \"config\"")));
    }
    Ok(ConnectorFile { path: path.to_owned(), name, settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_are_texts_as_kafka_connect_stores_them() {
        let file = parse(Path::new("a.json"), r#"{"name": "a", "config": {"tasks.max": 1, "x": true, "y": "z"}}"#);
        let wanted: Vec<_> = file.expect("a connector").wanted().into_iter().collect();
        let wanted: Vec<_> = wanted.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(wanted, [("name", "a"), ("tasks.max", "1"), ("x", "true"), ("y", "z")]);
    }

    #[test]
    fn what_is_no_connector_file_is_refused_without_its_values() {
        for (text, words) in [
            ("{", "no JSON"),
            (r#"{"config": {}}"#, "no \"name\""),
            (r#"{"name": "", "config": {}}"#, "no \"name\""),
            (r#"{"name": "a"}"#, "no \"config\""),
            (r#"{"name": "a", "config": {"database.password": ["hunter2"]}}"#, "\"database.password\" is neither"),
            (r#"{"name": "a", "config": {"name": "b"}}"#, "two names"),
        ] {
            let said = parse(Path::new("a.json"), text).expect_err(text);
            assert!(said.starts_with("a.json: ") && said.contains(words) && said.contains("\nhint: "), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn every_file_of_the_project_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors");
        let entries = std::fs::read_dir(folder).expect("the folder");
        let paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        let paths: Vec<_> = paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
        let files = read_all(&paths).expect("connectors");
        assert!(files.len() >= 4 && files.iter().all(|file| file.settings.contains_key("connector.class")));
    }
}
