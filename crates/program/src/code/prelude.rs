//! What every generated file begins with: types of vectors and functions on them.

use std::fmt::Write;

/// Conversions of CUDA's sixteen-bit types, whose header is not needed so.
pub(super) const HALVES: &str = r#"
static __device__ inline float from_f16(unsigned short h) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); return f; }
static __device__ inline unsigned short to_f16(float f) { unsigned short h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
static __device__ inline float from_bf16(unsigned short h) { return __uint_as_float((unsigned)h << 16); }
static __device__ inline unsigned short to_bf16(float f) { unsigned u = __float_as_uint(f); return f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16; }
"#;

/// Vectors of `lanes` numbers of type `float` or `double` (`bits` 32 or 64), and functions on them.
///
/// `exp` is the usual reduction to [−ln 2 / 2, ln 2 / 2] with a polynomial of degree 5 (relative error below 3e-7 in
/// f32), on which `tanh` builds; `erf` is a quotient of polynomials, 6 over 4 in x² (relative error below 5e-7 in f32).
///
/// Only what `code` calls: compilers would look at all of it before they leave it out.
pub(super) fn vectors(lanes: u64, bits: u64, code: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    // A function calls those before it.
    for text in definitions(lanes, bits).into_iter().rev() {
        let name =
            text.split("INLINE ").nth(1).and_then(|rest| rest.split('(').next()).and_then(|all| all.rsplit(' ').next());
        let call = name.map(|name| format!("{name}("));
        if call.is_none_or(|call| code.contains(&call) || kept.iter().any(|text| text.contains(&call))) {
            kept.push(text);
        }
    }
    kept.iter().rev().fold(String::new(), |text, definition| text + definition + "\n")
}

/// Every type and function.
fn definitions(lanes: u64, bits: u64) -> Vec<String> {
    let (element, integer, suffix) = if bits == 64 { ("double", "long", "") } else { ("float", "int", "f") };
    let (bytes, align) = (lanes * bits / 8, bits / 8);
    let v = format!("v{lanes}{}", &element[..1]);
    let mut text = Vec::new();
    let mut line = |line: String| text.push(line);
    line(format!("typedef {element} {v} __attribute__((vector_size({bytes})));"));
    line(format!("typedef {element} {v}u __attribute__((vector_size({bytes}), aligned({align}), may_alias));"));
    line(format!("typedef {integer} {v}i __attribute__((vector_size({bytes})));"));
    line(format!("typedef union {{ {v} v; {element} e[{lanes}]; }} {v}e;"));
    line(format!("INLINE {v} {v}_load(const {element} *p) {{ return *(const {v}u *)p; }}"));
    // Past the caches, where compiler and processor can.
    let past = match (bytes, bits) {
        (64, 32) => Some(("__AVX512F__", "movntps512")),
        (32, 32) => Some(("__AVX__", "movntps256")),
        (16, 32) => Some(("__SSE__", "movntps")),
        (64, 64) => Some(("__AVX512F__", "movntpd512")),
        (32, 64) => Some(("__AVX__", "movntpd256")),
        (16, 64) => Some(("__SSE2__", "movntpd")),
        _ => None,
    };
    line(format!(
        "#ifdef __clang__\nINLINE void {v}_stream({element} *p, {v} a) {{ __builtin_nontemporal_store(a, ({v} *)p); }}"
    ));
    if let Some((has, builtin)) = past {
        line(format!(
            "#elif defined({has})\nINLINE void {v}_stream({element} *p, {v} a) {{ __builtin_ia32_{builtin}(p, a); }}"
        ));
    }
    line(format!("#else\nINLINE void {v}_stream({element} *p, {v} a) {{ *({v} *)p = a; }}\n#endif"));
    let splat = vec!["s"; lanes as usize].join(", ");
    line(format!("INLINE {v} {v}_splat({element} s) {{ return ({v}){{{splat}}}; }}"));
    line(format!("INLINE {v} {v}_blend({v}i m, {v} a, {v} b) {{ return ({v})((m & ({v}i)a) | (~m & ({v}i)b)); }}"));
    let lanewise = |name: &str, value: &str| {
        format!(
            "INLINE {v} {v}_{name}({v} a) {{ {v}e x = {{a}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = {value}; return r.v; }}"
        )
    };
    // The instruction itself where GCC has it: out of a loop over lanes it makes the same, and takes ten times as long.
    let either = |name: &str, by_lane: String| match native(name, bytes, bits) {
        Some((has, arguments, value)) => format!(
            "#if defined({has}) && !defined(__clang__)\nINLINE {v} {v}_{name}({}) {{ return {value}; }}\n#else\n{by_lane}\n#endif",
            arguments.split(' ').map(|a| format!("{v} {a}")).collect::<Vec<_>>().join(", ")
        ),
        None => by_lane,
    };
    for (name, sign) in [("max", ">"), ("min", "<")] {
        let by_lane = format!(
            "INLINE {v} {v}_{name}({v} a, {v} b) {{ {v}e x = {{a}}, y = {{b}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = x.e[i] {sign} y.e[i] ? x.e[i] : y.e[i]; return r.v; }}"
        );
        line(either(name, by_lane));
    }
    for (name, combine) in [("add", "A + B"), ("mul", "A * B"), ("max", "A > B ? A : B"), ("min", "A < B ? A : B")] {
        let mut steps = String::new();
        let mut half = lanes / 2;
        while half > 0 {
            for i in 0..half {
                let value = combine.replace('A', &format!("x.e[{i}]")).replace('B', &format!("x.e[{}]", i + half));
                let _ = write!(steps, "x.e[{i}] = {value}; ");
            }
            half /= 2;
        }
        line(format!("INLINE {element} {v}_across_{name}({v} a) {{ {v}e x = {{a}}; {steps}return x.e[0]; }}"));
    }
    for name in ["sqrt", "floor", "ceil", "rint", "log", "sin", "cos"] {
        line(either(name, lanewise(name, &format!("__builtin_{name}{suffix}(x.e[i])"))));
    }
    let sign = if bits == 64 { "0x7fffffffffffffff" } else { "0x7fffffff" };
    line(format!("INLINE {v} {v}_abs({v} a) {{ return ({v})(({v}i)a & {sign}); }}"));
    line(lanewise(
        "sign",
        &format!("x.e[i] > 0 ? 1{0} : x.e[i] < 0 ? -1{0} : x.e[i]", if bits == 64 { ".0" } else { ".0f" }),
    ));
    line(format!(
        "INLINE {v} {v}_pow({v} a, {v} b) {{ {v}e x = {{a}}, y = {{b}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = __builtin_pow{suffix}(x.e[i], y.e[i]); return r.v; }}"
    ));
    if bits == 64 {
        for name in ["exp", "tanh", "erf"] {
            line(lanewise(name, &format!("__builtin_{name}(x.e[i])")));
        }
        return text;
    }
    let fma = format!(
        "#if defined(__FMA__) || defined(__aarch64__)\nINLINE {v} {v}_fma({v} a, {v} b, {v} c) {{ {v}e p = {{a}}, q = {{b}}, s = {{c}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = __builtin_fmaf(p.e[i], q.e[i], s.e[i]); return r.v; }}\n#else\nINLINE {v} {v}_fma({v} a, {v} b, {v} c) {{ return a * b + c; }}\n#endif"
    );
    line(either("fma", fma));
    // Lane by lane, which compilers turn into comparisons that leave masks; `blend` takes a vector for a mask.
    let less = format!(
        "INLINE {v} {v}_less({v} a, {v} b, {v} x, {v} y) {{ {v}e p = {{a}}, q = {{b}}, s = {{x}}, t = {{y}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = p.e[i] < q.e[i] ? s.e[i] : t.e[i]; return r.v; }}"
    );
    line(either("less", less));
    // By `research/exp.py`. Beyond the ends, where the exponent has no room, the instruction that scales knows what comes out; without
    // it that is replaced.
    let (has, scale) = match bytes {
        64 => ("__AVX512F__", "scalefps512_mask(p, n, p, -1, 4)"),
        32 => ("__AVX512VL__", "scalefps256_mask(p, n, p, -1)"),
        16 => ("__AVX512VL__", "scalefps128_mask(p, n, p, -1)"),
        _ => ("__NONE__", "none(p, n)"),
    };
    line(format!(
        "INLINE {v} {v}_exp({v} x) {{
#if defined({has}) && !defined(__clang__)
  x = {v}_max({v}_splat(-104.0f), {v}_min({v}_splat(89.0f), x));
#endif
  {v} n = {v}_floor(x * 1.44269504f + 0.5f);
  /* ln 2 in two parts, which a compiler that may reorder sums would add up. */
  {v} r = {v}_fma(n, {v}_splat(-1.42860677e-6f), {v}_fma(n, {v}_splat(-0.693145752f), x));
  {v} p = {v}_splat(0.00831253324f);
  p = p * r + 0.0418901573f;
  p = p * r + 0.166671145f;
  p = p * r + 0.499992315f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
#if defined({has}) && !defined(__clang__)
  return __builtin_ia32_{scale};
#else
  {v} y = ({v})(({v}i)p + (__builtin_convertvector(n, {v}i) << 23));
  y = {v}_less(x, {v}_splat(-86.98f), {v}_splat(0.0f), y);
  return {v}_less({v}_splat(88.72f), x, {v}_splat(__builtin_inff()), y);
#endif
}}"
    ));
    line(format!(
        "INLINE {v} {v}_tanh({v} x) {{
  {v} t = 1.0f - 2.0f / ({v}_exp(x * 2.0f) + 1.0f), s = x * x;
  {v} q = x * (1.0f + s * (-0.33333333f + s * (0.13333333f - s * 0.053968254f)));
  return {v}_less(s, {v}_splat(0.04f), q, t);
}}"
    ));
    // By `research/erf.py`. Arguments are in an order that lets what is no number through.
    let horner = |to: &str, all: &[f64]| {
        let first = format!("  {v} {to} = {v}_splat({:e}f);\n", all[0]);
        all[1..].iter().fold(first, |text, c| text + &format!("  {to} = {to} * s + {c:e}f;\n"))
    };
    line(format!(
        "INLINE {v} {v}_erf({v} x) {{\n  {v} c = {v}_min({v}_splat(3.925f), {v}_max({v}_splat(-3.925f), x)), s = c * c;\n{}{}  return c * p / q;\n}}",
        horner(
            "p",
            &[1.98695378e-8, -1.95659325e-6, 1.4217161e-4, 3.71918732e-3, 0.0506312259, 0.200365217, 1.12837911]
        ),
        horner("q", &[9.59969911e-4, 0.0143900364, 0.115180018, 0.510900681, 1.0]),
    ));
    text
}

/// A function of vectors as GCC's name of the instruction that it is: the macro of targets that have it, arguments, value.
fn native(name: &str, bytes: u64, bits: u64) -> Option<(&'static str, &'static str, String)> {
    let kind = if bits == 64 { "pd" } else { "ps" };
    // Roundings are those of the instruction; 4 is as the processor is set.
    let toward = |name| match name {
        "floor" => 1,
        "ceil" => 2,
        _ => 4,
    };
    let b = |text: String| format!("__builtin_ia32_{text}");
    let value = match (name, bytes) {
        ("max" | "min", 64) => ("__AVX512F__", "a b", b(format!("{name}{kind}512_mask(a, b, a, -1, 4)"))),
        ("max" | "min", 32) => ("__AVX__", "a b", b(format!("{name}{kind}256(a, b)"))),
        ("max" | "min", 16) => ("__SSE2__", "a b", b(format!("{name}{kind}(a, b)"))),
        ("sqrt", 64) => ("__AVX512F__", "a", b(format!("sqrt{kind}512_mask(a, a, -1, 4)"))),
        ("sqrt", 32) => ("__AVX__", "a", b(format!("sqrt{kind}256(a)"))),
        ("sqrt", 16) => ("__SSE2__", "a", b(format!("sqrt{kind}(a)"))),
        ("floor" | "ceil" | "rint", 64) => {
            ("__AVX512F__", "a", b(format!("rndscale{kind}_mask(a, {}, a, -1, 4)", toward(name))))
        }
        ("floor" | "ceil" | "rint", 32) => ("__AVX__", "a", b(format!("round{kind}256(a, {})", toward(name)))),
        ("floor" | "ceil" | "rint", 16) => ("__SSE4_1__", "a", b(format!("round{kind}(a, {})", toward(name)))),
        ("fma", 64) => ("__AVX512F__", "a b c", b(format!("vfmadd{kind}512_mask(a, b, c, -1, 4)"))),
        ("fma", 32) => ("__FMA__", "a b c", b(format!("vfmadd{kind}256(a, b, c)"))),
        ("fma", 16) => ("__FMA__", "a b c", b(format!("vfmadd{kind}(a, b, c)"))),
        ("less", 64) => {
            let mask = b(format!("cmp{kind}512_mask(a, b, 17, -1, 4)"));
            ("__AVX512F__", "a b x y", b(format!("blendm{kind}_512_mask(y, x, {mask})")))
        }
        ("less", 32) => {
            let mask = b(format!("cmp{kind}256(a, b, 17)"));
            ("__AVX__", "a b x y", b(format!("blendv{kind}256(y, x, {mask})")))
        }
        ("less", 16) => (
            "__SSE4_1__",
            "a b x y",
            format!("{}(y, x, {})", b(format!("blendv{kind}")), b(format!("cmplt{kind}(a, b)"))),
        ),
        _ => return None,
    };
    Some(value)
}
