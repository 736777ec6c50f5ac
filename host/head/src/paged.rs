//! A list that grows page by page: no element moves, and no more than a page lies idle. A vector
//! of a million series would hold twice that many for a while, and half of them for ever.

/// Elements of a page.
const PAGE: usize = 1024;

/// A list that never gives back elements, only all of them.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    pages: Vec<Vec<T>>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T> Paged<T> {
    pub(crate) fn len(&self) -> usize {
        let full = self.pages.len().saturating_sub(1) * PAGE;
        full + self.pages.last().map_or(0, Vec::len)
    }

    pub(crate) fn push(&mut self, element: T) {
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => page.push(element),
            _ => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(element);
                self.pages.push(page);
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE)?.get(index % PAGE)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.pages.get_mut(index / PAGE)?.get_mut(index % PAGE)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }
}

impl<T> std::ops::Index<usize> for Paged<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.pages[index / PAGE][index % PAGE]
    }
}

impl<T> std::ops::IndexMut<usize> for Paged<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.pages[index / PAGE][index % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_where_they_were_put() {
        let mut list = Paged::default();
        for index in 0..3 * PAGE + 1 {
            assert_eq!((list.len(), list.get(index)), (index, None));
            list.push(index);
        }
        assert!(list.iter().copied().eq(0..3 * PAGE + 1));
        list[2 * PAGE] = 7;
        assert_eq!((list[2 * PAGE], list.get(PAGE)), (7, Some(&PAGE)));
        assert_eq!(list.get_mut(3 * PAGE + 1), None);
    }
}
