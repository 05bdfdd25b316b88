//! Why a store could not be opened.

/// Why a store could not be opened. Its text says which one, its sources why.
#[derive(Debug)]
pub struct OpenError {
    journal: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl OpenError {
    pub(crate) fn new(journal: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { journal, source: source.into() }
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "could not open the journal {}", self.journal)
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
