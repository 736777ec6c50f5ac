//! A folder of an object store in which others keep small objects of their own, such as answers of
//! queries that several processes share.
//!
//! It is not: a cache, or who deletes what is old; a rule of the store itself does that.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{BucketConfig, BucketError, open_store};

/// A folder of small objects.
#[derive(Debug)]
pub struct ObjectFolder {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

impl ObjectFolder {
    /// The folder of the store that a config describes. Nothing is asked of it.
    ///
    /// # Errors
    /// The config contradicts itself, or the folder cannot be made.
    pub fn open(config: &BucketConfig, folder: &str) -> Result<Self, BucketError> {
        Ok(Self {
            store: open_store(config)?,
            folder: Path::from(folder),
        })
    }

    /// The bytes of an object; `None` where there is none.
    ///
    /// # Errors
    /// The store fails, or the object has more than `bytes_max` bytes.
    #[boxed]
    pub async fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, BucketError> {
        let path = self.path(name);
        let got = match self.store.get(&path).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(BucketError::store("get", path.to_string())(error)),
        };
        let bytes = got.meta.size;
        if bytes > bytes_max {
            return Err(BucketError::TooLarge {
                path: path.to_string(),
                bytes,
                bytes_max,
            });
        }
        let mut found = Vec::new();
        let mut stream = got.into_stream();
        while let Some(bytes) = stream
            .try_next()
            .await
            .map_err(BucketError::store("get", path.to_string()))?
        {
            found.extend_from_slice(&bytes);
        }
        Ok(Some(found))
    }

    /// Puts an object in place of that of the same name.
    ///
    /// # Errors
    /// The store fails.
    #[boxed]
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), BucketError> {
        let path = self.path(name);
        let put = self.store.put(&path, bytes.into()).await;
        put.map_err(BucketError::store("put", path.to_string()))?;
        Ok(())
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[test]
    fn objects_come_back_unless_they_are_too_large() {
        let folder = ObjectFolder {
            store: Arc::new(InMemory::new()),
            folder: Path::from("answers"),
        };
        futures::executor::block_on(async {
            assert_eq!(folder.get("ab/c", 10).await.unwrap(), None);
            folder.put("ab/c", vec![1, 2, 3]).await.unwrap();
            folder.put("ab/c", vec![4, 5]).await.unwrap();
            assert_eq!(folder.get("ab/c", 2).await.unwrap(), Some(vec![4, 5]));
            let error = folder.get("ab/c", 1).await.unwrap_err();
            assert!(matches!(error, BucketError::TooLarge { bytes: 2, .. }));
            let there = folder.store.head(&Path::from("answers/ab/c")).await;
            assert!(there.is_ok());
        });
    }
}
