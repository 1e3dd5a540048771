//! Vector loops: expressions over all lanes at once.

use tachograph_ir::DType;

use super::{expr::comparison, writer::Writer};
use crate::{Binary, BufferId, Cond, Expr, Index, Result, Scope, Stmt, Unary, Var};

/// A value in a vector loop.
enum Value {
    /// The same in every lane.
    Scalar(String),
    Vector(String),
}

/// Whether and how a vector loop can be written.
pub(super) struct Plan {
    pub lanes: u64,
    pub dtype: DType,
    /// Whole vectors.
    pub chunks: u64,
    /// Trips that fill no vector.
    pub rest: u64,
}

/// How a vector loop is written: variables for the vector and for the lane in it.
pub(super) struct Lanes {
    dtype: DType,
    pub lanes: u64,
    /// The loop's variable.
    var: Var,
    /// Its value: lanes · chunk + lane.
    value: Index,
    pub lane: Var,
    pub chunk: Var,
}

impl Writer<'_> {
    /// How a vector loop can be written; `None` where it cannot.
    pub(super) fn plan(&self, var: Var, body: &[Stmt]) -> Option<Plan> {
        let mut dtype = None;
        let reduction = self.reduction(var, body);
        for stmt in body {
            let Stmt::Store(id, index, value) = stmt else { return None };
            let mut same = |own: DType| *dtype.get_or_insert(own) == own;
            if !same(self.nest.buffer(*id).dtype) || (reduction.is_none() && !self.flat(*id, index).has(var)) {
                return None;
            }
            let mut fits = true;
            value.visit(
                &mut |expr| match expr {
                    Expr::Load(id, _) => fits &= same(self.nest.buffer(*id).dtype),
                    Expr::Cast(to, _) => fits &= same(*to),
                    Expr::Lookup { .. } => fits = false,
                    Expr::Index(index) | Expr::Table(_, index) => fits &= !index.has(var),
                    // What is not taken must not be read, so conditions are the same for all lanes, or on values that
                    // are there anyway.
                    Expr::Select(cond, a, b) => fits &= uniform(cond, var) || (free(a) && free(b) && compares(cond)),
                    _ => {}
                },
                &mut |_| {},
            );
            if !fits {
                return None;
            }
        }
        let dtype = dtype.filter(|dtype| matches!(dtype, DType::F32 | DType::F64))?;
        let extent = self.nest.loops[var as usize].extent;
        let widest = self.lanes(dtype);
        let whole =
            [16, 8, 4, 2].into_iter().find(|&lanes| lanes <= widest && extent > 0 && extent.is_multiple_of(lanes));
        // Some trips left over cost less than vectors much narrower than there are.
        let lanes = match whole {
            Some(lanes) if 2 * lanes >= widest || extent < 2 * widest => lanes,
            _ if extent >= 2 * widest && widest > 1 => widest,
            lanes => lanes?,
        };
        Some(Plan { lanes, dtype, chunks: extent / lanes, rest: extent % lanes })
    }

    pub(super) fn lanes_of(&mut self, var: Var, plan: &Plan) -> Lanes {
        let Plan { lanes, dtype, chunks, .. } = *plan;
        let chunk = self.fresh(chunks);
        let lane = self.fresh(lanes);
        let value = &Index::var(lane) + &(Index::var(chunk) * lanes as i64);
        Lanes { dtype, lanes, var, value, lane, chunk }
    }

    /// Writes a vector loop; false if it cannot be written in vectors.
    pub(super) fn vectorized(&mut self, var: Var, body: &[Stmt]) -> Result<bool> {
        let Some(plan) = self.plan(var, body) else { return Ok(false) };
        self.used.insert((plan.lanes, plan.dtype.bits()));
        let l = self.lanes_of(var, &plan);
        match self.reduction(var, body) {
            Some(reduction) => self.reduced(&l, &plan, &reduction),
            None => self.chunks(&l, &plan, body),
        }
        if plan.rest > 0 {
            let (name, first) = (self.var(var), plan.chunks * plan.lanes);
            self.counted(&name, first, first + plan.rest, body)?;
        }
        Ok(true)
    }

    /// All whole vectors.
    fn chunks(&mut self, l: &Lanes, plan: &Plan, body: &[Stmt]) {
        let several = plan.chunks > 1;
        if several {
            let (name, chunks) = (self.var(l.chunk), plan.chunks);
            self.unroll(l.var, chunks.min(16), body);
            self.line(&format!("for (long {name} = 0; {name} < {chunks}; ++{name}) {{"));
            self.depth += 1;
        }
        for stmt in body {
            let Stmt::Store(id, index, value) = stmt else { continue };
            let value = self.vector_of(l, value);
            self.write(l, *id, index, &value);
        }
        if several {
            self.depth -= 1;
            self.line("}");
        }
    }

    /// An expression over all lanes.
    pub(super) fn vector_of(&self, l: &Lanes, value: &Expr) -> String {
        self.vector(l, self.lanewise(l, value))
    }

    /// Position of an element, in terms of vector and lane.
    pub(super) fn lane_index(&self, l: &Lanes, id: BufferId, index: &[Index]) -> Index {
        let flat = self.flat(id, index).substitute(&|var| (var == l.var).then(|| l.value.clone()));
        flat.simplify(&|var| self.range(var))
    }

    /// The same for one lane.
    fn at_lane(&self, l: &Lanes, flat: &Index, lane: u64) -> Index {
        let flat = flat.substitute(&|var| (var == l.lane).then(|| Index::constant(lane as i64)));
        flat.simplify(&|var| self.range(var))
    }

    fn write(&mut self, l: &Lanes, id: BufferId, index: &[Index], value: &str) {
        let flat = self.lane_index(l, id, index);
        let first = self.at_lane(l, &flat, 0);
        let name = self.names[&id].clone();
        let v = vector_type(l.lanes, l.dtype);
        if let Some(&lanes) = self.vectors.get(&id) {
            let at = self.index(&first.div(lanes as i64).simplify(&|var| self.range(var)));
            self.line(&format!("{name}[{at}] = {value};"));
        } else if flat.coefficient(l.lane) == Some(1) {
            let at = self.index(&first);
            let whole = (&flat - &Index::var(l.lane)).is_multiple(l.lanes as i64);
            match whole && self.nest.buffer(id).scope == Scope::Streamed {
                true => self.line(&format!("{v}_stream({name} + {at}, {value});")),
                false => self.line(&format!("*({v}u *)({name} + {at}) = {value};")),
            }
        } else {
            self.line(&format!("{{ {v}e lanes = {{{value}}};"));
            for lane in 0..l.lanes {
                let at = self.index(&self.at_lane(l, &flat, lane));
                self.line(&format!("  {name}[{at}] = lanes.e[{lane}];"));
            }
            self.line("}");
        }
    }

    fn vector(&self, l: &Lanes, value: Value) -> String {
        match value {
            Value::Vector(text) => text,
            Value::Scalar(text) => format!("{}_splat({text})", vector_type(l.lanes, l.dtype)),
        }
    }

    fn lanewise(&self, l: &Lanes, expr: &Expr) -> Value {
        let v = vector_type(l.lanes, l.dtype);
        match expr {
            Expr::Const(_) | Expr::Index(_) | Expr::Table(..) | Expr::Lookup { .. } => {
                Value::Scalar(self.expr(expr, l.dtype))
            }
            Expr::Load(id, index) => {
                let flat = self.lane_index(l, *id, index);
                let (name, first) = (&self.names[id], self.at_lane(l, &flat, 0));
                if let Some(&lanes) = self.vectors.get(id) {
                    let at = self.index(&first.div(lanes as i64).simplify(&|var| self.range(var)));
                    return Value::Vector(format!("{name}[{at}]"));
                }
                if !flat.has(l.lane) {
                    return Value::Scalar(format!("{name}[{}]", self.index(&first)));
                }
                if flat.coefficient(l.lane) == Some(1) {
                    return Value::Vector(format!("{v}_load({name} + {})", self.index(&first)));
                }
                let lane = |lane| format!("{name}[{}]", self.index(&self.at_lane(l, &flat, lane)));
                Value::Vector(format!("({v}){{{}}}", (0..l.lanes).map(lane).collect::<Vec<_>>().join(", ")))
            }
            Expr::Unary(function, a) => match self.lanewise(l, a) {
                Value::Scalar(_) => Value::Scalar(self.expr(expr, l.dtype)),
                Value::Vector(a) => {
                    let name = match function {
                        Unary::Neg => return Value::Vector(format!("(-{a})")),
                        Unary::Round => "rint".to_owned(),
                        function => crate::text::lower(function),
                    };
                    Value::Vector(format!("{v}_{name}({a})"))
                }
            },
            Expr::Binary(function, a, b) => match (self.lanewise(l, a), self.lanewise(l, b)) {
                (Value::Scalar(_), Value::Scalar(_)) => Value::Scalar(self.expr(expr, l.dtype)),
                // One division for all lanes, and for all trips that share the divisor.
                (Value::Vector(a), Value::Scalar(b)) if *function == Binary::Div => {
                    let one = self.expr(&Expr::Const(1.0), l.dtype);
                    Value::Vector(format!("({a} * ({one} / {b}))"))
                }
                (a, b) => {
                    let sign = match function {
                        Binary::Add => "+",
                        Binary::Sub => "-",
                        Binary::Mul => "*",
                        Binary::Div => "/",
                        Binary::Max | Binary::Min | Binary::Pow => {
                            let (a, b) = (self.vector(l, a), self.vector(l, b));
                            return Value::Vector(format!("{v}_{}({a}, {b})", crate::text::lower(function)));
                        }
                    };
                    // The compiler spreads a scalar itself.
                    let text = |value| match value {
                        Value::Scalar(text) | Value::Vector(text) => text,
                    };
                    Value::Vector(format!("({} {sign} {})", text(a), text(b)))
                }
            },
            Expr::Select(cond, a, b) => {
                let (x, y) = (self.lanewise(l, a), self.lanewise(l, b));
                if uniform(cond, l.var) {
                    return match (x, y) {
                        (Value::Scalar(_), Value::Scalar(_)) => Value::Scalar(self.expr(expr, l.dtype)),
                        (x, y) => Value::Vector(format!(
                            "({} ? {} : {})",
                            self.cond(cond),
                            self.vector(l, x),
                            self.vector(l, y)
                        )),
                    };
                }
                let Cond::Compare(how, left, right) = cond.as_ref() else { return Value::Scalar("0".into()) };
                let (left, right) = (self.lanewise(l, left), self.lanewise(l, right));
                let mask = format!("({} {} {})", self.vector(l, left), comparison(*how), self.vector(l, right));
                Value::Vector(format!("{v}_blend({mask}, {}, {})", self.vector(l, x), self.vector(l, y)))
            }
            Expr::Cast(_, a) => self.lanewise(l, a),
        }
    }
}

/// True if the condition is the same whatever the variable, and on indices alone.
fn uniform(cond: &Cond, var: Var) -> bool {
    let (mut expressions, mut has) = (false, false);
    cond.visit(&mut |_| expressions = true, &mut |index| has |= index.has(var));
    !expressions && !has
}

/// True if all of it may be computed whether it is taken or not.
fn free(expr: &Expr) -> bool {
    let mut guarded = false;
    expr.visit(&mut |expr| guarded |= matches!(expr, Expr::Select(cond, ..) if !compares(cond)), &mut |_| {});
    !guarded
}

fn compares(cond: &Cond) -> bool {
    matches!(cond, Cond::Compare(..))
}

pub(super) fn vector_type(lanes: u64, dtype: DType) -> String {
    format!("v{lanes}{}", if dtype == DType::F64 { "d" } else { "f" })
}
