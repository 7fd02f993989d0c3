//! "Did you mean": the known word that a misspelt one is nearest to.

/// The known word nearest to `text`, if any is near enough to be what was meant. One of half the length shares its
/// beginning by chance: `store` is not what `store.shop.listings` was to be.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .filter(|word| word.len().min(text.len()) * 2 > word.len().max(text.len()))
        .map(|word| (strsim::jaro_winkler(text, word), word))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
