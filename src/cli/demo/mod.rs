//! `rowbell demo`: the real pipeline against an embedded broker, with a page that shows the posts arriving.

pub mod generator;
pub mod page;
pub mod receiver;
pub mod text;
