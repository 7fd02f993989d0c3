//! The configuration file: loading, the model, validation.
