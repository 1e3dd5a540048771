//! The published shapes, built at batch 1.

use tachograph_import::nas::{
    layers::Norm,
    nasbench201::{Cell, Edge},
};
use tachograph_ir::{Graph, Result};

use super::{
    Architecture, alexnet::AlexNet, bert::Bert, build, efficientnet::EfficientNet, googlenet::GoogLeNet, gpt::Gpt,
    mnasnet::MnasNet, mobilenet_v2::MobileNetV2, mobilenet_v3::MobileNetV3, nasbench201::NasBench201, network,
    resnet::ResNet, squeezenet::SqueezeNet, vgg::Vgg, vit::Vit,
};

/// Networks as published, by name, for batch 1 and, where they read text, 128 tokens.
///
/// Shapes are those of torchvision, timm (`vit_tiny`), Hugging Face transformers (`bert_*`, `gpt2`, without
/// heads) and the NAS-Bench-201 benchmark (`nasbench201`: the cell with a 3×3 convolution on every edge).
pub fn reference() -> Vec<(&'static str, Graph)> {
    published(Norm::Folded, Some(128)).expect("published shapes are valid: the tests build every one")
}

/// As [`reference`]; without `sequence`, transformers read as many tokens as they have positions for.
pub(super) fn published(norm: Norm, sequence: Option<u64>) -> Result<Vec<(&'static str, Graph)>> {
    fn net(name: &'static str, norm: Norm, shape: impl Architecture) -> Result<(&'static str, Graph)> {
        Ok((name, build(network(name, 1, norm), &shape)?))
    }
    let bert = |layers, hidden| Bert::published(layers, hidden, sequence.unwrap_or(512));
    [
        net("alexnet", norm, AlexNet::published()),
        net("vgg11", norm, Vgg::published([1, 1, 2, 2, 2], false)),
        net("vgg16", norm, Vgg::published([2, 2, 3, 3, 3], false)),
        net("vgg16_bn", norm, Vgg::published([2, 2, 3, 3, 3], true)),
        net("resnet18", norm, ResNet::basic([2, 2, 2, 2])),
        net("resnet34", norm, ResNet::basic([3, 4, 6, 3])),
        net("resnet50", norm, ResNet::bottleneck([3, 4, 6, 3], 1, 64)),
        net("resnext50_32x4d", norm, ResNet::bottleneck([3, 4, 6, 3], 32, 4)),
        net("wide_resnet50_2", norm, ResNet::bottleneck([3, 4, 6, 3], 1, 128)),
        net("googlenet", norm, GoogLeNet::published()),
        net("squeezenet1_0", norm, SqueezeNet::version_1_0()),
        net("squeezenet1_1", norm, SqueezeNet::version_1_1()),
        net("mobilenet_v2", norm, MobileNetV2::published(1.0)),
        net("mobilenet_v3_large", norm, MobileNetV3::large()),
        net("mobilenet_v3_small", norm, MobileNetV3::small()),
        net("mnasnet0_5", norm, MnasNet::published(0.5)),
        net("mnasnet1_0", norm, MnasNet::published(1.0)),
        net("efficientnet_b0", norm, EfficientNet::published(1.0, 1.0, 224)),
        net("efficientnet_b1", norm, EfficientNet::published(1.0, 1.1, 240)),
        net("nasbench201", norm, NasBench201::published(Cell([Edge::Conv3; 6]))),
        net("vit_b_16", norm, Vit::published(12, 768, 12)),
        net("vit_tiny", norm, Vit::published(12, 192, 3)),
        net("bert_base", norm, bert(12, 768)),
        net("bert_tiny", norm, bert(2, 128)),
        net("gpt2", norm, Gpt::gpt2(sequence.unwrap_or(1024))),
    ]
    .into_iter()
    .collect()
}
