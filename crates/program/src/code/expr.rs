//! Indices, conditions and values as text.

use tachograph_ir::DType;

use super::writer::Writer;
use crate::{Atom, Binary, BufferId, Comparison, Cond, Expr, Index, Unary};

impl Writer<'_> {
    /// Position of an element among those of its buffer.
    pub fn flat(&self, id: BufferId, index: &[Index]) -> Index {
        let extents = self.nest.buffer(id).extents();
        let flat = index.iter().zip(extents).fold(Index::default(), |flat, (i, extent)| &(flat * extent as i64) + i);
        flat.simplify(&|var| self.range(var))
    }

    pub fn element(&self, id: BufferId, index: &[Index]) -> String {
        let flat = self.flat(id, index);
        format!("{}[{}]", self.names[&id], self.index(&flat))
    }

    pub fn index(&self, index: &Index) -> String {
        let mut parts: Vec<String> = Vec::new();
        for (atom, coefficient) in index.terms() {
            let atom = match atom {
                Atom::Var(var) => self.var(*var),
                Atom::Div(inner, by) => self.quotient(inner, *by, '/'),
                Atom::Mod(inner, by) => self.quotient(inner, *by, '%'),
            };
            parts.push(if *coefficient == 1 { atom } else { format!("{coefficient} * {atom}") });
        }
        if index.offset() != 0 || parts.is_empty() {
            parts.push(index.offset().to_string());
        }
        if parts.len() == 1 && !parts[0].contains(' ') { parts.remove(0) } else { format!("({})", parts.join(" + ")) }
    }

    fn quotient(&self, inner: &Index, by: i64, sign: char) -> String {
        let text = self.index(inner);
        if inner.range(&|var| self.range(var)).min >= 0 {
            let (t, unsigned) = self.dialect.index();
            return format!("({t})(({unsigned}){text} {sign} {by})");
        }
        // Rounded towards minus infinity.
        let remainder = format!("(({text} % {by} + {by}) % {by})");
        if sign == '%' { remainder } else { format!("(({text} - {remainder}) / {by})") }
    }

    pub fn cond(&self, cond: &Cond) -> String {
        let many = |parts: &[Cond], sign: &str, none: &str| match parts {
            [] => none.to_owned(),
            _ => format!("({})", parts.iter().map(|part| self.cond(part)).collect::<Vec<_>>().join(sign)),
        };
        match cond {
            Cond::In(index, min, max) => {
                let text = self.index(index);
                let mut parts = Vec::new();
                if *min != i64::MIN {
                    parts.push(format!("{text} >= {min}"));
                }
                if *max != i64::MAX {
                    parts.push(format!("{text} < {max}"));
                }
                if parts.is_empty() { "1".into() } else { format!("({})", parts.join(" && ")) }
            }
            Cond::Order(a, b) => format!("({} <= {})", self.index(a), self.index(b)),
            Cond::Compare(how, a, b) => {
                let dtype = self.dtype(a).or_else(|| self.dtype(b)).unwrap_or(DType::F32);
                format!("({} {} {})", self.expr(a, dtype), comparison(*how), self.expr(b, dtype))
            }
            Cond::All(parts) => many(parts, " && ", "1"),
            Cond::Any(parts) => many(parts, " || ", "0"),
        }
    }

    /// Element type of an expression; `None` for numbers, which take any.
    pub fn dtype(&self, expr: &Expr) -> Option<DType> {
        match expr {
            Expr::Const(_) | Expr::Index(_) | Expr::Table(..) => None,
            Expr::Load(id, _) | Expr::Lookup { buffer: id, .. } => Some(self.nest.buffer(*id).dtype),
            Expr::Unary(_, a) => self.dtype(a),
            Expr::Binary(_, a, b) | Expr::Select(_, a, b) => {
                let (a, b) = (self.dtype(a), self.dtype(b));
                // The wider word: a truth value times a number is a number.
                [a, b].into_iter().flatten().max_by_key(|dtype| (dtype.is_float(), dtype.bits()))
            }
            Expr::Cast(dtype, _) => Some(*dtype),
        }
    }

    /// The value as it is stored.
    pub fn stored(&self, dtype: DType, value: &Expr) -> String {
        let own = self.dtype(value).unwrap_or(dtype);
        // What is copied is not converted.
        if let Expr::Load(id, index) = value
            && own == dtype
        {
            return self.element(*id, index);
        }
        let text = self.expr(value, own);
        if let Some(halved) = self.dialect.halved(dtype, &text, true) {
            return halved;
        }
        match dtype {
            DType::Bool if own != DType::Bool => format!("(({text}) != 0)"),
            _ => text,
        }
    }

    pub fn number(&self, number: f64, dtype: DType) -> String {
        let suffix = if dtype == DType::F64 { "" } else { "f" };
        match number {
            n if n.is_nan() => self.dialect.nan().into(),
            n if n.is_infinite() => format!("({}{})", if n < 0.0 { "-" } else { "" }, self.dialect.infinity()),
            n if !dtype.is_float() && n == n.trunc() && n.abs() < 9e15 => format!("{}", n as i64),
            n if n < 0.0 => format!("({n:?}{suffix})"),
            n => format!("{n:?}{suffix}"),
        }
    }

    /// The expression, with numbers of this type.
    pub fn expr(&self, expr: &Expr, dtype: DType) -> String {
        match expr {
            Expr::Const(number) => self.number(*number, dtype),
            Expr::Index(index) => {
                let t = if dtype == DType::F64 { "double" } else { "float" };
                match dtype.is_float() {
                    true => format!("({t}){}", self.index(index)),
                    false => {
                        format!("({}){}", self.dialect.element(DType::I64, "").unwrap_or("long"), self.index(index))
                    }
                }
            }
            Expr::Load(id, index) => {
                let (element, dtype) = (self.element(*id, index), self.nest.buffer(*id).dtype);
                self.dialect.halved(dtype, &element, false).unwrap_or(element)
            }
            Expr::Lookup { buffer, axis, position, index } => {
                let extents = self.nest.buffer(*buffer).extents();
                let stride: u64 = extents[(axis + 1).min(extents.len())..].iter().product();
                let own = self.dtype(position).unwrap_or(DType::I64);
                let flat = self.index(&self.flat(*buffer, index));
                let (t, _) = self.dialect.index();
                let element =
                    format!("{}[{flat} + {stride} * ({t})({})]", self.names[buffer], self.expr(position, own));
                self.dialect.halved(self.nest.buffer(*buffer).dtype, &element, false).unwrap_or(element)
            }
            Expr::Table(values, index) if self.dialect.is_gpu() => {
                let at = self.tables.iter().position(|table| table == values).unwrap_or(0);
                format!("table{at}[{}]", self.index(index))
            }
            Expr::Table(values, index) => {
                let t = if dtype == DType::F64 { "double" } else { "float" };
                let list: Vec<String> = values.iter().map(|&v| self.number(v, dtype)).collect();
                format!("((const {t}[]){{{}}})[{}]", list.join(", "), self.index(index))
            }
            Expr::Unary(function, a) => {
                let own = self.dtype(a).unwrap_or(dtype);
                let a = self.expr(a, own);
                let call = |name: &str| self.dialect.call(name, dtype == DType::F64, &[&a]);
                match function {
                    Unary::Neg => format!("(-{a})"),
                    Unary::Abs if !own.is_float() => format!("({a} < 0 ? -{a} : {a})"),
                    Unary::Abs => call("fabs"),
                    Unary::Exp => call("exp"),
                    Unary::Log => call("log"),
                    Unary::Sqrt => call("sqrt"),
                    Unary::Tanh => call("tanh"),
                    Unary::Erf => call("erf"),
                    Unary::Sin => call("sin"),
                    Unary::Cos => call("cos"),
                    Unary::Floor => call("floor"),
                    Unary::Ceil => call("ceil"),
                    Unary::Round => call("rint"),
                    Unary::Sign => format!("({a} > 0 ? 1 : {a} < 0 ? -1 : {a})"),
                }
            }
            Expr::Binary(function, a, b) => {
                let own = self.dtype(expr).unwrap_or(dtype);
                let (a, b) = (self.expr(a, own), self.expr(b, own));
                match function {
                    Binary::Add => format!("({a} + {b})"),
                    Binary::Sub => format!("({a} - {b})"),
                    Binary::Mul => format!("({a} * {b})"),
                    Binary::Div => format!("({a} / {b})"),
                    Binary::Max => format!("({a} > {b} ? {a} : {b})"),
                    Binary::Min => format!("({a} < {b} ? {a} : {b})"),
                    Binary::Pow => self.dialect.call("pow", dtype == DType::F64, &[&a, &b]),
                }
            }
            Expr::Select(cond, a, b) => {
                format!("({} ? {} : {})", self.cond(cond), self.expr(a, dtype), self.expr(b, dtype))
            }
            Expr::Cast(to, a) => {
                let own = self.dtype(a).unwrap_or(*to);
                let a = self.expr(a, own);
                let rounded = self.dialect.halved(*to, &a, true);
                if let Some(number) = rounded.and_then(|a| self.dialect.halved(*to, &a, false)) {
                    return number;
                }
                match (to, self.dialect.element(*to, "")) {
                    (DType::Bool, _) => format!("({a} != 0)"),
                    (_, Ok(t)) => format!("({t})({a})"),
                    (_, Err(_)) => a,
                }
            }
        }
    }
}

pub(super) fn comparison(how: Comparison) -> &'static str {
    match how {
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Equal => "==",
    }
}
