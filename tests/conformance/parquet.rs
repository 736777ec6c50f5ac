//! A block in the eyes of another reader of Parquet.
