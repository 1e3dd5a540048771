//! Published splits, which divide devices.

use std::fmt;

use serde::Serialize;

use crate::split::hash;

/// Devices to fit on, to choose by, and to report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceSplit {
    /// Who published it, and which it is.
    pub name: &'static str,
    /// To fit on.
    pub train: Vec<String>,
    /// To choose by.
    pub validation: Vec<String>,
    /// To report.
    pub test: Vec<String>,
}

impl DeviceSplit {
    /// A split of named devices, each part in order of name.
    pub fn new<S: AsRef<str>>(
        name: &'static str,
        train: impl IntoIterator<Item = S>,
        validation: impl IntoIterator<Item = S>,
        test: impl IntoIterator<Item = S>,
    ) -> Self {
        fn sorted<S: AsRef<str>>(part: impl IntoIterator<Item = S>) -> Vec<String> {
            let mut part: Vec<_> = part.into_iter().map(|device| device.as_ref().to_owned()).collect();
            part.sort();
            part
        }
        Self { name, train: sorted(train), validation: sorted(validation), test: sorted(test) }
    }

    /// As [`Split::hash`](crate::Split::hash), over devices.
    pub fn hash(&self) -> String {
        hash(&self.train, &self.validation, &self.test)
    }
}

impl fmt::Display for DeviceSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, validation, test) = (self.train.len(), self.validation.len(), self.test.len());
        let hash = self.hash();
        write!(f, "{} ({train} train, {validation} validation, {test} test devices; hash {hash})", self.name)
    }
}
