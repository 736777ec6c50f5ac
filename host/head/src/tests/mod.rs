//! What the head promises as a whole, one story a file.

mod contract;
