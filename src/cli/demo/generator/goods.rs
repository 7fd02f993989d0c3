//! What the shop sells.

/// A thing to list.
pub(super) struct Good {
    pub(super) sku: &'static str,
    pub(super) title: &'static str,
    /// The title as first typed in, where it came with a mistake.
    pub(super) mistyped: Option<&'static str>,
    pub(super) description: &'static str,
    pub(super) cents: i64,
    pub(super) stock: i64,
    pub(super) tags: &'static [&'static str],
    pub(super) colour: &'static str,
}

/// What sellers add to a title, or take out again.
pub(super) const TITLE_ADDITIONS: [&str; 4] = [", restored", ", set of 2", " (new photos)", ", free delivery"];

macro_rules! good {
    ($sku:literal, $title:literal, $mistyped:expr, $cents:literal, $stock:literal, $tags:expr, $colour:literal, $text:literal) => {
        Good {
            sku: $sku,
            title: $title,
            mistyped: $mistyped,
            description: $text,
            cents: $cents,
            stock: $stock,
            tags: $tags,
            colour: $colour,
        }
    };
}

/// The first twelve are listed from the start; the others come as new listings, then all of them again.
#[rustfmt::skip]
pub(super) const GOODS: [Good; 18] = [
    good!("DESK-101", "Walnut writing desk", Some("Walnut writting desk"), 48_900, 3, &["wood", "office"], "walnut", "Two drawers, hand-oiled, light wear on the top."),
    good!("LAMP-102", "Brass reading lamp", None, 6_450, 2, &["lamp", "brass"], "brass", "Adjustable arm, rewired, E14 bulb included."),
    good!("RUG-103", "Wool rug, 200 x 140 cm", None, 21_900, 1, &["textile"], "indigo", "Hand-knotted, cleaned, no holes."),
    good!("VASE-104", "Stoneware vase", Some("Stoneware vaze"), 3_495, 6, &["ceramic"], "sand", "Speckled glaze, 28 cm high."),
    good!("CLOCK-105", "Wall clock with pendulum", None, 15_900, 1, &["clock", "wood"], "oak", "Runs eight days, strikes the half hours."),
    good!("STOOL-106", "Beech stool", None, 4_900, 9, &["wood", "chair"], "beech", "Stackable, holds 110 kg."),
    good!("MIRROR-107", "Round mirror, 60 cm", Some("Round miror, 60 cm"), 8_900, 4, &["glass"], "black", "Thin metal frame, with fittings."),
    good!("SHELF-108", "String shelf, three boards", None, 13_250, 5, &["wood", "office"], "ash", "Two ladders, three boards, all screws."),
    good!("QUILT-109", "Patchwork quilt", None, 17_900, 2, &["textile", "handmade"], "red", "220 x 200 cm, washed cotton."),
    good!("KETTLE-110", "Enamel kettle", None, 2_990, 8, &["kitchen"], "cream", "1.5 litres, small chip at the handle."),
    good!("RADIO-111", "Valve radio", Some("Valve radoi"), 24_500, 1, &["electric"], "walnut", "Working on all bands, new capacitors."),
    good!("CHAIR-112", "Cane chair", None, 11_900, 4, &["wood", "chair"], "natural", "Seat re-caned this year."),
    good!("TRUNK-113", "Travel trunk", None, 9_900, 2, &["leather"], "brown", "Brass corners, key present."),
    good!("EASEL-114", "Studio easel", None, 7_900, 3, &["wood"], "beech", "Folds flat, height to 2.3 m."),
    good!("GLOBE-115", "Relief globe", Some("Releif globe"), 5_600, 2, &["office"], "blue", "33 cm, lit from within."),
    good!("BENCH-116", "Garden bench", None, 26_900, 1, &["wood", "garden"], "teak", "Seats three, oiled this spring."),
    good!("TEAPOT-117", "Cast-iron teapot", None, 4_250, 7, &["kitchen"], "black", "0.8 litres, with strainer."),
    good!("SCREEN-118", "Folding screen", None, 19_900, 1, &["textile", "wood"], "green", "Four panels, new linen."),
];
