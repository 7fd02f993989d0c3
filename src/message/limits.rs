//! Every limit that a message keeps, with its source.
//!
//! "Units" are UTF-16 code units. The services do not say whether they count UTF-16 units or code points; a text never has
//! more code points than units, so counting units keeps both readings. `tests/vendors` holds posts against the same limits,
//! written down once more.

// Slack. Sources are pages of docs.slack.dev: `blocks` reference/block-kit/blocks, `elements` reference/block-kit/block-elements,
// `objects` reference/block-kit/composition-objects, `post` reference/methods/chat.postMessage, `update` .../chat.update,
// `attachments` messaging/formatting-message-text/legacy-attachments.

/// Blocks in one message, those of its attachments included (`blocks`: "up to 50 blocks in each message").
pub const SLACK_BLOCKS: usize = 50;
/// Units in a `header` block's text, which is plain (`blocks/header-block`).
pub const SLACK_HEADER: usize = 150;
/// Units in a `section` block's text, at least 1 (`blocks/section-block`); the longest of any text object (`objects/text-object`).
/// Slack names no limit for a `rich_text` block: it is held to this one.
pub const SLACK_SECTION: usize = 3_000;
/// Fields of a `section` block (`blocks/section-block`).
pub const SLACK_FIELDS: usize = 10;
/// Units in one of them (`blocks/section-block`).
pub const SLACK_FIELD: usize = 2_000;
/// Elements of a `context` block (`blocks/context-block`).
pub const SLACK_CONTEXT_ELEMENTS: usize = 10;
/// Elements of an `actions` block (`blocks/actions-block`).
pub const SLACK_ACTIONS: usize = 25;
/// Units in a button's text (`elements/button-element`).
pub const SLACK_BUTTON: usize = 75;
/// Units in a button's value (`elements/button-element`).
pub const SLACK_VALUE: usize = 2_000;
/// Units in a button's URL (`elements/button-element`).
pub const SLACK_URL: usize = 3_000;
/// Units in the title of a button's `confirm` (`objects/confirmation-dialog-object`).
pub const SLACK_CONFIRM_TITLE: usize = 100;
/// Units in its text.
pub const SLACK_CONFIRM: usize = 300;
/// Units in its two buttons.
pub const SLACK_CONFIRM_BUTTON: usize = 30;
/// Units in an `action_id`, and in a `block_id` (`elements`, `blocks`).
pub const SLACK_ACTION_ID: usize = 255;
/// Units in the alternative text of an image (`blocks/image-block`).
pub const SLACK_ALT_TEXT: usize = 2_000;
/// Attachments of a message: 100 at most (`post`, `too_many_attachments`); beyond 20 Slack advises against (`attachments`).
pub const SLACK_ATTACHMENTS: usize = 20;
/// Units in the top-level `text`: 4,000 recommended, cut above 40,000 (`post`); more are refused in an update (`update`).
pub const SLACK_TEXT: usize = 4_000;
/// Units of text in all blocks of a message. Slack answers `msg_blocks_too_long` and documents no number: 11,341 were
/// refused, "12,000 and a buffer for block containers" is what its staff said (slackapi/bolt-js#2867, #2509).
pub const SLACK_BODY: usize = 8_000;
// A `table` block (`blocks/table-block`), of which our own posts have none: on a phone it is scrolled sideways.

/// Rows of a table.
pub const SLACK_TABLE_ROWS: usize = 100;
/// Cells of a row.
pub const SLACK_TABLE_CELLS: usize = 20;
/// Units in all cells.
pub const SLACK_TABLE_TEXT: usize = 10_000;
/// Tables of a message.
pub const SLACK_TABLES: usize = 1;

// Teams.

/// Bytes of the whole request body. Microsoft documents about 28 KB a message, which counts *after* the card is expanded: a
/// body of 24,453 bytes was seen to fail.
pub const TEAMS_BODY_BYTES: usize = 20_000;
/// The card's version (adaptivecards.io, schema 1.4.0). Teams takes up to 1.5; 1.4 is what senders use.
pub const TEAMS_CARD: &str = "1.4";
/// Actions of a card that Teams shows in a row, the others behind a menu.
pub const TEAMS_ACTIONS: usize = 6;

// Ours: what a reader takes in at a glance, and what bounds a message whatever the row holds.

/// Units in a headline; what Slack's header holds, so that every channel says the same.
pub const HEADLINE: usize = SLACK_HEADER;
/// Units of a row's title within a headline.
pub const TITLE: usize = 80;
/// Units in a label of a column or a table's noun.
pub const LABEL: usize = 60;
/// Units in one value of a line.
pub const VALUE: usize = 200;
/// Units in one value within the notification text.
pub const VALUE_BRIEF: usize = 60;
/// Units in a value that identifies the row.
pub const IDENTITY: usize = 60;
/// Identifying columns shown.
pub const IDENTITIES: usize = 4;
/// Lines shown; what a phone shows without scrolling.
pub const LINES: usize = 6;
/// Lines shown when the rule watches more columns than [`LINES`].
pub const LINES_WATCHED: usize = 20;
/// Labels named in "... and 12 more: ...".
pub const LEFT_OUT_NAMED: usize = 10;
/// Units in a note or in an item of the context line.
pub const NOTE: usize = 200;
/// Notes shown.
pub const NOTES: usize = 8;
/// Units of a button's label; what Slack's button holds, so that every channel says the same.
pub const BUTTON: usize = SLACK_BUTTON;
/// Buttons besides the link.
pub const BUTTONS: usize = TEAMS_ACTIONS - 1;
/// Units of the notification text. Escaping makes at most five of one (`&amp;`), and [`SLACK_TEXT`] must hold it.
pub const FALLBACK: usize = 700;
/// Units of one value that a template of the config puts into a payload of its own.
pub const INSERTED: usize = 500;
/// Units of unchanged text shown on each side of a changed word.
pub const DIFF_CONTEXT: usize = 30;
/// Places shown that changed within one text or one JSON document.
pub const DIFF_PLACES: usize = 4;
/// Elements shown that were added to or removed from a list.
pub const ELEMENTS: usize = 8;
/// Units in one element, path or value inside a list or a JSON document.
pub const ELEMENT: usize = 60;

// Webhooks. No service's: a receiver is handed data, but not a row of 10 MB twice.

/// Bytes of one value.
pub const WEBHOOK_VALUE: usize = 64 * 1024;
/// Bytes of all values of a payload: a whole post stays below the 1 MiB that nginx takes unless it is told otherwise
/// (nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size).
pub const WEBHOOK_VALUES: usize = 512 * 1024;
/// A value of so many bytes is never cut, however many there are.
pub const WEBHOOK_SHORT: usize = 256;
