//! The families of networks that the generator knows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

/// A family of networks: those of NNLQP (Liu et al., ICPP 2022), then three kinds of transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Family {
    /// Krizhevsky et al., 2012; in the single-column form of Krizhevsky, 2014.
    AlexNet,
    /// Simonyan and Zisserman, 2014.
    Vgg,
    /// He et al., 2015, and ResNeXt (Xie et al., 2016).
    ResNet,
    /// Szegedy et al., 2014.
    GoogLeNet,
    /// Iandola et al., 2016.
    SqueezeNet,
    /// Sandler et al., 2018.
    MobileNetV2,
    /// Howard et al., 2019.
    MobileNetV3,
    /// Tan et al., 2018.
    MnasNet,
    /// Tan and Le, 2019.
    EfficientNet,
    /// Dong and Yang, 2020.
    NasBench201,
    /// Vision transformer: Dosovitskiy et al., 2020.
    Vit,
    /// Encoder like that of Devlin et al., 2018.
    Bert,
    /// Decoder like that of Radford et al., 2019.
    Gpt,
}

const NAMES: [(Family, &str); 13] = [
    (Family::AlexNet, "alexnet"),
    (Family::Vgg, "vgg"),
    (Family::ResNet, "resnet"),
    (Family::GoogLeNet, "googlenet"),
    (Family::SqueezeNet, "squeezenet"),
    (Family::MobileNetV2, "mobilenet-v2"),
    (Family::MobileNetV3, "mobilenet-v3"),
    (Family::MnasNet, "mnasnet"),
    (Family::EfficientNet, "efficientnet"),
    (Family::NasBench201, "nasbench201"),
    (Family::Vit, "vit"),
    (Family::Bert, "bert"),
    (Family::Gpt, "gpt"),
];

impl Family {
    /// Every family, in declaration order.
    pub const ALL: [Self; NAMES.len()] = {
        let mut all = [Self::AlexNet; NAMES.len()];
        let mut i = 0;
        while i < NAMES.len() {
            all[i] = NAMES[i].0;
            i += 1;
        }
        all
    };
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES[*self as usize].1)
    }
}

impl FromStr for Family {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = NAMES.iter().find(|(_, n)| *n == name).map(|(family, _)| *family);
        known.ok_or_else(|| Error::UnknownFamily(name.into()))
    }
}

impl TryFrom<String> for Family {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<Family> for String {
    fn from(family: Family) -> Self {
        family.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_declaration_order_and_parse() {
        for (i, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, i);
            assert_eq!(family.to_string().parse::<Family>().unwrap(), family);
            let json = serde_json::to_string(&family).unwrap();
            assert_eq!(serde_json::from_str::<Family>(&json).unwrap(), family);
        }
        assert!("lenet".parse::<Family>().is_err());
    }
}
