//! Names of columns and tables as a person would say them.

use super::safe;

/// Short words that are read letter by letter.
const SPELLED: [&str; 22] = [
    "id", "uuid", "guid", "sku", "url", "uri", "vat", "iban", "bic", "isbn", "ean", "gtin", "upc", "ip", "api", "pdf",
    "html", "xml", "json", "csv", "usd", "eur",
];

/// Words that end in `s` and stand for one thing, or whose singular no rule below finds.
const SINGULARS: [(&str, &str); 16] = [
    ("people", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("movies", "movie"),
    ("cookies", "cookie"),
    ("series", "series"),
    ("species", "species"),
    ("news", "news"),
    ("lens", "lens"),
    ("canvas", "canvas"),
    ("gas", "gas"),
    ("bonus", "bonus"),
    ("indices", "index"),
    ("vertices", "vertex"),
    ("axes", "axis"),
];

/// `prod_stk_qty` -> "Prod stk qty", `externalUuid` -> "External UUID". Not yet cleaned for display.
pub fn humanise(name: &str) -> String {
    // "Featured: yes" says what "Is featured: yes" does.
    let name = name.strip_prefix("is_").filter(|rest| !rest.is_empty()).unwrap_or(name);
    // In a name that shouts (Oracle's), capitals say nothing; elsewhere they mark an abbreviation.
    let shouts = !name.chars().any(char::is_lowercase);
    let mut words = words(name);
    for word in &mut words {
        if SPELLED.contains(&word.to_lowercase().as_str()) {
            *word = word.to_uppercase();
        } else if shouts || !word.chars().all(char::is_uppercase) {
            *word = word.to_lowercase();
        }
    }
    if let Some(first) = words.first_mut() {
        *first = capitalise(first);
    }
    words.join(" ")
}

/// `public.stock_records` -> "Stock record".
pub fn noun_of(table: &str) -> String {
    let name = table.rsplit('.').next().unwrap_or(table);
    let human = humanise(name);
    match human.rsplit_once(' ') {
        Some((rest, last)) => format!("{rest} {}", singular(last)),
        None => capitalise(&singular(&human)),
    }
}

/// What one row is called: as the config says, else by the table's name. Clean.
pub fn noun(table: &str, given: Option<&str>) -> String {
    let given = given.map(safe::label).filter(|noun| !noun.is_empty());
    given.unwrap_or_else(|| safe::label(&noun_of(table)))
}

/// `public.stock_records` -> "stock records", where that is the plural of the noun.
pub fn plural_of(table: &str, noun: &str) -> Option<String> {
    let name = humanise(table.rsplit('.').next().unwrap_or(table));
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    (same(&noun_of(table), noun) && !same(&name, noun)).then(|| uncapitalise(&name))
}

/// "Listing" -> "listing", but "SKU" stays.
pub fn uncapitalise(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// First letter in upper case.
pub fn capitalise(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous_lower = false;
    // A hostile catalogue may hold a name of any length; nobody reads beyond this.
    for c in safe::head(name, 200).chars() {
        let separator = c == '_' || c == '-' || c == '.' || c.is_whitespace();
        if (separator || (previous_lower && c.is_uppercase())) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !separator {
            word.push(c);
        }
        previous_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The singular of an English plural, simply; a config's `name` says it better.
fn singular(word: &str) -> String {
    let lower = word.to_lowercase();
    if let Some((_, one)) = SINGULARS.iter().find(|(many, _)| *many == lower) {
        return (*one).to_owned();
    }
    let drop = |count: usize| word[..word.len() - count].to_owned();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    // Byte lengths below are those of ASCII endings, which lower-casing did not move.
    if lower.len() != word.len() || word.len() < 4 {
        return word.to_owned();
    }
    if ends(&["ies"]) {
        format!("{}y", drop(3))
    } else if ends(&["sses", "shes", "ches", "xes", "zzes"]) || (ends(&["uses"]) && !ends(&["ouses", "auses"])) {
        drop(2)
    } else if ends(&["s"]) && !ends(&["ss", "us", "is"]) {
        drop(1)
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{humanise, noun_of, plural_of};

    #[test]
    fn column_names_read_as_words() {
        for (name, human) in [
            ("prod_stk_qty", "Prod stk qty"),
            ("external_uuid", "External UUID"),
            ("is_featured", "Featured"),
            ("sellerId", "Seller ID"),
            ("SKU", "SKU"),
            ("price", "Price"),
            ("PROD_STK_QTY", "Prod stk qty"),
            ("价格", "价格"),
            ("", ""),
        ] {
            assert_eq!(humanise(name), human, "{name}");
        }
    }

    #[test]
    fn tables_name_several_rows_where_their_name_is_a_plural() {
        assert_eq!(plural_of("public.stock_records", "Stock record").as_deref(), Some("stock records"));
        assert_eq!(plural_of("public.listings", "listing").as_deref(), Some("listings"));
        assert_eq!(plural_of("public.listings", "Artikel"), None);
        assert_eq!(plural_of("public.inventory", "Inventory"), None);
    }

    #[test]
    fn tables_name_one_row() {
        for (table, noun) in [
            ("public.listings", "Listing"),
            ("shop.stock_records", "Stock record"),
            ("inventory", "Inventory"),
            ("public.categories", "Category"),
            ("public.addresses", "Address"),
            ("public.boxes", "Box"),
            ("public.order_statuses", "Order status"),
            ("public.houses", "House"),
            ("public.people", "Person"),
            ("public.address", "Address"),
            ("public.gps", "Gps"),
            ("public.straßes", "Straße"),
        ] {
            assert_eq!(noun_of(table), noun, "{table}");
        }
    }
}
