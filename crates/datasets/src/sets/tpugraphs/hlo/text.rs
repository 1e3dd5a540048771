//! The text of a module, as XLA prints it.

use std::collections::HashMap;

use super::{
    super::proto::{Computation, DimensionOrder, Instruction, Module, Shape},
    MAX_NODES,
    attributes::{attribute, number, numbers},
    scan::{Scan, Wrong},
};

/// XLA's names of element types, by its numbers.
const ELEMENTS: [&str; 34] = [
    "",
    "pred",
    "s8",
    "s16",
    "s32",
    "s64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f16",
    "f32",
    "f64",
    "",
    "opaque",
    "c64",
    "bf16",
    "token",
    "c128",
    "f8e5m2",
    "f8e4m3fn",
    "s4",
    "u4",
    "f8e4m3b11fnuz",
    "f8e5m2fnuz",
    "f8e4m3fnuz",
    "s2",
    "u2",
    "f8e4m3",
    "f8e3m4",
    "s1",
    "u1",
    "f4e2m1fn",
    "f8e8m0fnu",
];

/// XLA's number of a tuple as element type.
const TUPLE: i32 = 13;

/// Where instructions come from in the program, as tables of numbered lines between the first line and computations.
const TABLES: [&str; 4] = ["FileNames", "FunctionNames", "FileLocations", "StackFrames"];

/// True for the text of a module.
pub fn is(text: &str) -> bool {
    Scan::new(text).eat("HloModule")
}

/// Names that are resolved when all of them are known: who names, what, where.
type Named<'a> = Vec<(usize, &'a str, Scan<'a>)>;

/// A module and its instructions, numbered in their order; computations by the number of their root.
pub fn parse(text: &str) -> Result<Module, Wrong> {
    let mut scan = Scan::new(text);
    scan.expect("HloModule")?;
    let mut module = Module { name: scan.word().into(), computations: vec![] };
    scan.until("\n");
    while TABLES.contains(&scan.ahead()) || scan.ahead().starts_with(|c: char| c.is_ascii_digit()) {
        scan.line();
    }
    let (mut known, mut calls, mut count) = (HashMap::new(), Vec::new(), 0);
    while !scan.is_over() {
        let place = scan;
        let (computation, called) = computation(&mut scan, &mut count)?;
        if known.insert(computation.name.clone(), computation.root_id).is_some() {
            return Err(place.wrong(format!("computation `{}` is there twice", computation.name)));
        }
        calls.push(called);
        module.computations.push(computation);
    }
    if module.computations.is_empty() {
        return Err(scan.wrong("no computation"));
    }
    for (computation, called) in module.computations.iter_mut().zip(calls) {
        for (user, name, place) in called {
            let id = known.get(name).ok_or_else(|| place.wrong(format!("`{name}` is no computation")))?;
            if let Some(user) = computation.instructions.get_mut(user) {
                user.called_computation_ids.push(*id);
            }
        }
    }
    Ok(module)
}

/// A computation, and the computations that its instructions call.
fn computation<'a>(scan: &mut Scan<'a>, count: &mut i64) -> Result<(Computation, Named<'a>), Wrong> {
    let mut name = scan.word();
    if name == "ENTRY" {
        name = scan.word();
    }
    if name.is_empty() {
        return Err(scan.wrong("no name of a computation"));
    }
    let mut header = *scan;
    if header.eat("(") {
        scan.bracketed("(")?;
        scan.expect("->")?;
        shape(scan)?;
    }
    scan.expect("{")?;
    let first = *count;
    let (mut root, mut known) = (None, HashMap::new());
    let (mut operands, mut calls, mut instructions) = (Vec::new(), Vec::new(), Vec::new());
    while !scan.eat("}") {
        let place = *scan;
        let mut word = scan.word();
        if word == "ROOT" {
            root = Some(*count);
            word = scan.word();
        }
        if word.is_empty() {
            return Err(scan.wrong(format!("no name of an instruction of `{name}`, and no `}}`")));
        }
        if known.insert(word, *count).is_some() {
            return Err(place.wrong(format!("`{word}` is there twice in `{name}`")));
        }
        let user = instructions.len();
        let mut instruction = instruction(scan, |named, call| {
            if call { &mut calls } else { &mut operands }.push((user, named.all().trim_start_matches('%'), named));
        })?;
        (instruction.name, instruction.id) = (word.into(), *count);
        instructions.push(instruction);
        *count += 1;
        if *count > MAX_NODES as i64 {
            return Err(place.wrong(format!("more than {MAX_NODES} instructions")));
        }
    }
    if *count == first {
        return Err(scan.wrong(format!("`{name}` has no instructions")));
    }
    for (user, operand, place) in operands {
        let id = known.get(operand).ok_or_else(|| place.wrong(format!("no `{operand}` in `{name}`")))?;
        if let Some(user) = instructions.get_mut(user) {
            user.operand_ids.push(*id);
        }
    }
    if scan.eat_in_line(",") {
        scan.until("\n");
    }
    let root_id = root.unwrap_or(*count - 1);
    Ok((Computation { name: name.into(), instructions, id: root_id, root_id }, calls))
}

/// What stands behind the name of an instruction. `named` gets operands, and (true) computations.
fn instruction<'a>(scan: &mut Scan<'a>, mut named: impl FnMut(Scan<'a>, bool)) -> Result<Instruction, Wrong> {
    scan.expect("=")?;
    let shape = shape(scan)?;
    let opcode = scan.word();
    if opcode.is_empty() {
        return Err(scan.wrong("no operator"));
    }
    let mut new = Instruction { opcode: opcode.into(), shape: Some(shape), ..Instruction::default() };
    if matches!(opcode, "convolution" | "custom-call") {
        (new.feature_group_count, new.batch_group_count) = (1, 1);
    }
    let operands = scan.bracketed("(")?;
    match opcode {
        "parameter" => new.parameter_number = number(operands, operands.all())?,
        "constant" => {}
        _ => operands.parts().into_iter().for_each(|operand| named(last_word(operand), false)),
    }
    while scan.eat_in_line(",") {
        let key = scan.word();
        scan.expect("=")?;
        let value = scan.until(",\n");
        attribute(&mut new, key, value, &mut named)?;
    }
    Ok(new)
}

/// An operand may stand behind its shape.
fn last_word(operand: Scan<'_>) -> Scan<'_> {
    let mut rest = operand;
    while !rest.is_over() {
        let word = rest;
        rest.until(" \t\n");
        if rest.is_over() {
            return word;
        }
    }
    operand
}

/// A shape: tuples, of which the number of parts counts, and arrays. An array without a layout has the last dimension
/// fastest.
fn shape(scan: &mut Scan<'_>) -> Result<Shape, Wrong> {
    let mut tuple = *scan;
    if tuple.eat("(") {
        let parts = scan.bracketed("(")?.parts().len();
        return Ok(Shape { element_type: TUPLE, tuple_shapes: vec![vec![]; parts], ..Shape::default() });
    }
    let name = scan.word();
    let element = ELEMENTS.iter().position(|known| *known == name && !name.is_empty());
    let element = element.ok_or_else(|| scan.wrong(format!("`{name}` is no type of elements")))?;
    let extents = scan.bracketed("[")?.parts().into_iter();
    // Bounds of dynamic dimensions are their extents.
    let extents = extents.map(|extent| number(extent, extent.all().trim_start_matches("<=")));
    let dimensions = extents.collect::<Result<Vec<_>, _>>()?;
    let mut layout = *scan;
    let order = if layout.eat_here("{") {
        // What follows the order says how tiles of it lie in memory.
        numbers(scan.bracketed("{")?.until(":"))?
    } else {
        (0..dimensions.len() as i64).rev().collect()
    };
    let layout = Some(DimensionOrder { minor_to_major: order });
    Ok(Shape { element_type: element as i32, dimensions, tuple_shapes: vec![], layout })
}
