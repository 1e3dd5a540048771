//! Nests as TVMScript: what is run every time, with plain loops and stores. What was prepared is an argument.

use std::collections::HashMap;

use tachograph_program::{Binary, BufferId, Comparison, Cond, Expr, Index, Mark, Nest, Stmt, Storage, Unary};

struct Printer<'a> {
    nest: &'a Nest,
    names: Vec<String>,
    tables: HashMap<String, usize>,
    text: String,
}

/// The module's text; `None` where TVM has no words for it: extents of 0, positions that depend on data, a buffer that
/// is allocated more than once.
pub fn script(nest: &Nest) -> Option<String> {
    let (mut allocated, mut fine, mut tables) = (Vec::new(), true, Vec::<String>::new());
    let visit_expr = |expr: &Expr, tables: &mut Vec<String>, fine: &mut bool| match expr {
        Expr::Lookup { .. } => *fine = false,
        Expr::Table(values, _) => {
            let key = format!("{values:?}");
            if !tables.contains(&key) {
                tables.push(key);
            }
        }
        _ => {}
    };
    let mut lengths = HashMap::new();
    let body = Nest { prepare: Vec::new(), ..nest.clone() };
    body.visit(&mut |stmt| match stmt {
        Stmt::Alloc(id) if allocated.contains(id) => fine = false,
        Stmt::Alloc(id) => allocated.push(*id),
        Stmt::For(var, _) => fine &= nest.loops[*var as usize].extent > 0,
        Stmt::Store(_, _, value) => value.visit(
            &mut |expr| {
                visit_expr(expr, &mut tables, &mut fine);
                if let Expr::Table(values, _) = expr {
                    lengths.insert(format!("{values:?}"), values.len());
                }
            },
            &mut |_| {},
        ),
        _ => {}
    });
    if !fine || nest.buffers.iter().any(|buffer| buffer.storage != Storage::Gone && buffer.elements() == 0) {
        return None;
    }
    let clean = |name: &String| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let names = nest.buffers.iter().map(|buffer| clean(&buffer.name)).collect();
    let first = nest.buffers.len();
    let numbered = tables.iter().enumerate().map(|(i, table)| (table.clone(), first + i)).collect();
    let mut p = Printer { nest, names, tables: numbered, text: String::new() };
    let given =
        |storage: Storage| matches!(storage, Storage::Input | Storage::Weight | Storage::Prepared | Storage::Output);
    let ids = || (0..nest.buffers.len() as u32).map(BufferId);
    let mut arguments: Vec<String> = ids()
        .filter(|id| given(nest.buffer(*id).storage))
        .map(|id| format!("{}: T.Buffer({})", p.names[id.index()], p.buffer(id)))
        .collect();
    let table = |table: &String| format!("table{}: T.Buffer(({},), \"float32\")", p.tables[table], lengths[table]);
    arguments.extend(tables.iter().map(table));
    p.text =
        format!("@I.ir_module\nclass Module:\n    @T.prim_func(s_tir=True)\n    def main({}):\n", arguments.join(", "));
    for id in ids().filter(|id| nest.buffer(*id).storage == Storage::Workspace) {
        let line = format!("{} = T.sblock_alloc_buffer({})", p.names[id.index()], p.buffer(id));
        p.line(2, &line);
    }
    p.block(&nest.body, 2);
    Some(p.text)
}

impl Printer<'_> {
    fn line(&mut self, depth: usize, line: &str) {
        self.text.push_str(&" ".repeat(4 + 4 * (depth - 1)));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn buffer(&self, id: BufferId) -> String {
        let extents: String = self.nest.buffer(id).extents().iter().map(|n| format!("{n}, ")).collect();
        format!("({extents}), \"float32\"")
    }

    fn block(&mut self, stmts: &[Stmt], mut depth: usize) {
        for stmt in stmts {
            match stmt {
                Stmt::For(var, body) => {
                    let l = &self.nest.loops[*var as usize];
                    let kind = match l.mark {
                        Mark::Parallel => "parallel",
                        Mark::Vector => "vectorized",
                        Mark::Unroll => "unroll",
                        _ => "serial",
                    };
                    self.line(depth, &format!("for v{var} in T.{kind}({}):", l.extent));
                    self.block(body, depth + 1);
                }
                Stmt::If(conds, body) => {
                    let conds: Vec<String> = conds.iter().map(|cond| self.cond(cond)).collect();
                    self.line(depth, &format!("if {}:", conds.join(" and ")));
                    self.block(body, depth + 1);
                }
                Stmt::Alloc(id) => {
                    let name = self.names[id.index()].clone();
                    self.line(depth, &format!("with T.sblock(\"alloc_{name}\"):"));
                    depth += 1;
                    self.line(depth, "T.reads()");
                    self.line(depth, "T.writes()");
                    let line = format!("{name} = T.sblock_alloc_buffer({})", self.buffer(*id));
                    self.line(depth, &line);
                }
                Stmt::Store(id, index, value) => {
                    let line = format!("{} = {}", self.element(id.index(), index), self.expr(value));
                    self.line(depth, &line);
                }
                #[allow(unreachable_patterns)]
                _ => {}
            }
        }
    }

    fn index(&self, index: &Index) -> String {
        index.text(&|var| format!("v{var}")).replace(" / ", " // ")
    }

    fn element(&self, buffer: usize, index: &[Index]) -> String {
        let index: Vec<String> = index.iter().map(|index| self.index(index)).collect();
        let index = if index.is_empty() { "()".into() } else { index.join(", ") };
        format!("{}[{index}]", self.names[buffer])
    }

    fn number(x: f64) -> String {
        if x.is_finite() { format!("T.float32({x:?})") } else { format!("T.float32(\"{x}\")") }
    }

    fn expr(&self, expr: &Expr) -> String {
        match expr {
            Expr::Const(x) => Self::number(*x),
            Expr::Index(index) => match index.as_constant() {
                Some(x) => Self::number(x as f64),
                None => format!("T.Cast(\"float32\", {})", self.index(index)),
            },
            Expr::Load(id, index) => self.element(id.index(), index),
            Expr::Table(values, index) => {
                format!("table{}[{}]", self.tables[&format!("{values:?}")], self.index(index))
            }
            Expr::Lookup { .. } => String::new(),
            Expr::Unary(Unary::Neg, a) => format!("({} * T.float32(-1))", self.expr(a)),
            Expr::Unary(Unary::Sign, a) => {
                let a = self.expr(a);
                format!(
                    "T.Select({a} < T.float32(0), T.float32(-1), T.Select({a} > T.float32(0), T.float32(1), T.float32(0)))"
                )
            }
            Expr::Unary(function, a) => {
                let name = match function {
                    Unary::Abs => "fabs".into(),
                    Unary::Round => "nearbyint".into(),
                    _ => format!("{function:?}").to_lowercase(),
                };
                format!("T.{name}({})", self.expr(a))
            }
            Expr::Binary(function, a, b) => {
                let (a, b) = (self.expr(a), self.expr(b));
                match function {
                    Binary::Add => format!("({a} + {b})"),
                    Binary::Sub => format!("({a} - {b})"),
                    Binary::Mul => format!("({a} * {b})"),
                    Binary::Div => format!("({a} / {b})"),
                    Binary::Max => format!("T.max({a}, {b})"),
                    Binary::Min => format!("T.min({a}, {b})"),
                    Binary::Pow => format!("T.pow({a}, {b})"),
                }
            }
            Expr::Select(cond, a, b) => {
                let word = if of_indices(cond) { "if_then_else" } else { "Select" };
                format!("T.{word}({}, {}, {})", self.cond(cond), self.expr(a), self.expr(b))
            }
            Expr::Cast(_, a) => format!("T.Cast(\"float32\", {})", self.expr(a)),
        }
    }

    fn cond(&self, cond: &Cond) -> String {
        let many = |parts: &[Cond], word: &str| {
            format!("({})", parts.iter().map(|part| self.cond(part)).collect::<Vec<_>>().join(word))
        };
        match cond {
            Cond::In(index, i64::MIN, max) => format!("{} < {max}", self.index(index)),
            Cond::In(index, min, i64::MAX) => format!("{min} <= {}", self.index(index)),
            Cond::In(index, min, max) => format!("({min} <= {0} and {0} < {max})", self.index(index)),
            Cond::Order(a, b) => format!("{} <= {}", self.index(a), self.index(b)),
            Cond::Compare(how, a, b) => {
                let sign = match how {
                    Comparison::Less => "<",
                    Comparison::LessEqual => "<=",
                    Comparison::Equal => "==",
                };
                format!("{} {sign} {}", self.expr(a), self.expr(b))
            }
            Cond::All(parts) => many(parts, " and "),
            Cond::Any(parts) => many(parts, " or "),
        }
    }
}

fn of_indices(cond: &Cond) -> bool {
    match cond {
        Cond::In(..) | Cond::Order(..) => true,
        Cond::Compare(..) => false,
        Cond::All(parts) | Cond::Any(parts) => parts.iter().all(of_indices),
    }
}
