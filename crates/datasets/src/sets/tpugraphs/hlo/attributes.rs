//! What stands behind the operands of an instruction in XLA's text.

use std::collections::HashMap;

use super::{
    super::proto::{Convolution, Instruction, Padding, PaddingDimension, Slice, Window, WindowDimension},
    scan::{Scan, Wrong},
};

/// Attributes that name computations.
const CALLS: [&str; 10] = [
    "to_apply",
    "calls",
    "called_computations",
    "branch_computations",
    "true_computation",
    "false_computation",
    "condition",
    "body",
    "select",
    "scatter",
];

/// Takes what an instruction says of itself as `key=value`. What features are not made of is passed over; `named` gets the
/// computations that are called.
pub fn attribute<'a>(
    to: &mut Instruction,
    key: &str,
    value: Scan<'a>,
    named: &mut impl FnMut(Scan<'a>, bool),
) -> Result<(), Wrong> {
    match key {
        "dimensions" => to.dimensions = numbers(braced(value)?)?,
        "iota_dimension" | "inferred_dimension" => to.dimensions = numbers(value)?,
        "dynamic_slice_sizes" => to.dynamic_slice_sizes = numbers(braced(value)?)?,
        "feature_group_count" => to.feature_group_count = number(value, value.all())?,
        "batch_group_count" => to.batch_group_count = number(value, value.all())?,
        "is_stable" => to.is_stable = value.all() == "true",
        "window" => to.window = Some(window(braced(value)?)?),
        "dim_labels" => to.convolution = Some(convolution(value)?),
        "slice" => to.slices = braced(value)?.parts().into_iter().map(slice).collect::<Result<_, _>>()?,
        "padding" if to.opcode == "pad" => to.padding = Some(padding(value)?),
        _ if CALLS.contains(&key) => {
            let mut inner = value;
            let all = if inner.eat("{") { braced(value)?.parts() } else { vec![value] };
            all.into_iter().for_each(|computation| named(computation, true));
        }
        _ => {}
    }
    Ok(())
}

fn braced(mut value: Scan<'_>) -> Result<Scan<'_>, Wrong> {
    value.bracketed("{")
}

/// A whole number.
pub fn number(place: Scan<'_>, text: &str) -> Result<i64, Wrong> {
    text.trim().parse().map_err(|_| place.wrong(format!("`{}` is no whole number", text.trim())))
}

/// Whole numbers between commas.
pub fn numbers(list: Scan<'_>) -> Result<Vec<i64>, Wrong> {
    list.parts().into_iter().map(|part| number(part, part.all())).collect()
}

/// `size=3x3 stride=2x2 pad=0_1x0_1 lhs_dilate=1x1 rhs_dilate=1x1 rhs_reversal=0x1`: what is left out is 1, paddings 0.
fn window(inner: Scan<'_>) -> Result<Window, Wrong> {
    let pairs: HashMap<&str, &str> = inner.all().split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
    let list = |key: &str| pairs.get(key).into_iter().flat_map(|list| list.split('x'));
    let default = WindowDimension { stride: 1, window_dilation: 1, base_dilation: 1, ..WindowDimension::default() };
    let size = |size| Ok(WindowDimension { size: number(inner, size)?, ..default });
    let mut dimensions = list("size").map(size).collect::<Result<Vec<_>, Wrong>>()?;
    let mut each = |key: &str, set: &dyn Fn(&mut WindowDimension, &str) -> Result<(), Wrong>| {
        if ![0, dimensions.len()].contains(&list(key).count()) {
            return Err(inner.wrong(format!("`{key}` is not of {} dimensions, as `size`", dimensions.len())));
        }
        dimensions.iter_mut().zip(list(key)).try_for_each(|(dimension, text)| set(dimension, text))
    };
    each("stride", &|d, text| number(inner, text).map(|n| d.stride = n))?;
    each("lhs_dilate", &|d, text| number(inner, text).map(|n| d.base_dilation = n))?;
    each("rhs_dilate", &|d, text| number(inner, text).map(|n| d.window_dilation = n))?;
    each("rhs_reversal", &|d, text| number(inner, text).map(|n| d.window_reversal = n != 0))?;
    each("pad", &|d, text| {
        (d.padding_low, d.padding_high) = pair(inner, text)?;
        Ok(())
    })?;
    Ok(Window { dimensions })
}

/// `0_1`, of which there may be more.
fn pair(place: Scan<'_>, text: &str) -> Result<(i64, i64), Wrong> {
    let mut parts = text.split('_').map(|part| number(place, part));
    let missing = || place.wrong(format!("`{text}` is not of the form 0_1"));
    Ok((parts.next().ok_or_else(missing)??, parts.next().ok_or_else(missing)??))
}

/// `0_0x1_1_2`: low, high and, which is not asked for, interior padding.
fn padding(value: Scan<'_>) -> Result<Padding, Wrong> {
    let dimension = |text| pair(value, text).map(|(low, high)| PaddingDimension { low, high });
    // A scalar is padded by nothing.
    let dimensions = value.all().split('x').filter(|text| !text.is_empty());
    Ok(Padding { dimensions: dimensions.map(dimension).collect::<Result<_, _>>()? })
}

/// `[0:8:2]`; without the third number the stride is 1.
fn slice(mut part: Scan<'_>) -> Result<Slice, Wrong> {
    let inner = part.bracketed("[")?;
    match inner.all().split(':').map(|text| number(inner, text)).collect::<Result<Vec<_>, _>>()?[..] {
        [start, limit] => Ok(Slice { start, limit, stride: 1 }),
        [start, limit, stride] => Ok(Slice { start, limit, stride }),
        _ => Err(inner.wrong(format!("`{}` is not of the form 0:8:1", inner.all()))),
    }
}

/// `b01f_01io->b01f`: input, kernel, output, a character a dimension.
fn convolution(value: Scan<'_>) -> Result<Convolution, Wrong> {
    let text = value.all();
    let wrong = || value.wrong(format!("`{text}` is not of the form b01f_01io->b01f"));
    let (sources, output) = text.split_once("->").ok_or_else(wrong)?;
    let (input, kernel) = sources.split_once('_').ok_or_else(wrong)?;
    let place = |labels: &str, label: char| labels.chars().position(|c| c == label).map(|place| place as i64);
    let named = |labels: &str, label| place(labels, label).ok_or_else(wrong);
    let spatial = |labels: &str| ('0'..='9').map_while(|digit| place(labels, digit)).collect();
    Ok(Convolution {
        input_batch: named(input, 'b')?,
        input_feature: named(input, 'f')?,
        input_spatial: spatial(input),
        kernel_input_feature: named(kernel, 'i')?,
        kernel_output_feature: named(kernel, 'o')?,
        kernel_spatial: spatial(kernel),
        output_batch: named(output, 'b')?,
        output_feature: named(output, 'f')?,
    })
}
