//! What bounds a digest, however many changes it stands for.

/// Rows kept with their net change, the most important ones.
pub const ROWS_MAX: usize = 10;
/// Pairs of rule and table with counts of their own; the changes of further ones are counted together.
pub const GROUPS_MAX: usize = 20;
/// Columns of a group with counts of their own.
pub const COLUMNS_MAX: usize = 12;
/// Bytes of one kept row's change. Of a larger one the columns that the post would not show are dropped, then the
/// largest changed ones, which the post names.
pub const ROW_BYTES_MAX: usize = 16 * 1024;

/// Groups with a line of their own in the post.
pub(super) const GROUP_LINES: usize = 8;
/// Columns with a line of their own in the post.
pub(super) const COLUMN_LINES: usize = 5;
/// Columns named in a group's line.
pub(super) const GROUP_COLUMNS: usize = 3;
/// Columns shown of a row.
pub(super) const ROW_COLUMNS: usize = 2;
/// Units in one value of a row's line.
pub(super) const ROW_VALUE: usize = 60;
