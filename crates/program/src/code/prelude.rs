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
/// `exp` is the usual reduction to [−ln 2 / 2, ln 2 / 2] with a polynomial of degree 6 (relative error below 3e-7 in
/// f32); `tanh` and `erf` build on it, the latter by formula 7.1.26 of Abramowitz and Stegun (error below 2e-7).
pub(super) fn vectors(lanes: u64, bits: u64) -> String {
    let (element, integer, suffix) = if bits == 64 { ("double", "long", "") } else { ("float", "int", "f") };
    let (bytes, align) = (lanes * bits / 8, bits / 8);
    let v = format!("v{lanes}{}", &element[..1]);
    let mut text = String::new();
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    line(format!("typedef {element} {v} __attribute__((vector_size({bytes})));"));
    line(format!("typedef {element} {v}u __attribute__((vector_size({bytes}), aligned({align}), may_alias));"));
    line(format!("typedef {integer} {v}i __attribute__((vector_size({bytes})));"));
    line(format!("typedef union {{ {v} v; {element} e[{lanes}]; }} {v}e;"));
    line(format!("static inline {v} {v}_load(const {element} *p) {{ return *(const {v}u *)p; }}"));
    let splat = vec!["s"; lanes as usize].join(", ");
    line(format!("static inline {v} {v}_splat({element} s) {{ return ({v}){{{splat}}}; }}"));
    line(format!(
        "static inline {v} {v}_blend({v}i m, {v} a, {v} b) {{ return ({v})((m & ({v}i)a) | (~m & ({v}i)b)); }}"
    ));
    let lanewise = |name: &str, value: &str| {
        format!(
            "static inline {v} {v}_{name}({v} a) {{ {v}e x = {{a}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = {value}; return r.v; }}"
        )
    };
    for (name, sign) in [("max", ">"), ("min", "<")] {
        line(format!(
            "static inline {v} {v}_{name}({v} a, {v} b) {{ {v}e x = {{a}}, y = {{b}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = x.e[i] {sign} y.e[i] ? x.e[i] : y.e[i]; return r.v; }}"
        ));
    }
    for name in ["sqrt", "floor", "ceil", "rint", "log", "sin", "cos"] {
        line(lanewise(name, &format!("__builtin_{name}{suffix}(x.e[i])")));
    }
    line(lanewise("abs", &format!("__builtin_fabs{suffix}(x.e[i])")));
    line(lanewise(
        "sign",
        &format!("x.e[i] > 0 ? 1{0} : x.e[i] < 0 ? -1{0} : x.e[i]", if bits == 64 { ".0" } else { ".0f" }),
    ));
    line(format!(
        "static inline {v} {v}_pow({v} a, {v} b) {{ {v}e x = {{a}}, y = {{b}}, r; for (int i = 0; i < {lanes}; i++) r.e[i] = __builtin_pow{suffix}(x.e[i], y.e[i]); return r.v; }}"
    ));
    if bits == 64 {
        for name in ["exp", "tanh", "erf"] {
            line(lanewise(name, &format!("__builtin_{name}(x.e[i])")));
        }
        return text;
    }
    line(format!(
        "static inline {v} {v}_exp({v} a) {{
  {v} x = {v}_min({v}_max(a, {v}_splat(-87.33f)), {v}_splat(88.72f));
  {v} n = {v}_floor(x * 1.44269504f + 0.5f);
  {v} r = x - n * 0.693145752f - n * 1.42860677e-6f;
  {v} p = {v}_splat(1.0f / 720);
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  /* Half of the exponent at a time: at the upper end all of it is no number. */
  {v}i k = __builtin_convertvector(n, {v}i), h = k >> 1;
  {v} y = p * ({v})((h + 127) << 23) * ({v})((k - h + 127) << 23);
  {v} z = ({v})(({v}i)y & (a >= {v}_splat(-87.33f)));
  return {v}_blend(a > {v}_splat(88.72f), {v}_splat(__builtin_inff()), z);
}}"
    ));
    line(format!(
        "static inline {v} {v}_tanh({v} x) {{
  {v} t = 1.0f - 2.0f / ({v}_exp(x * 2.0f) + 1.0f), s = x * x;
  {v} q = x * (1.0f + s * (-0.33333333f + s * (0.13333333f - s * 0.053968254f)));
  return {v}_blend(s < {v}_splat(0.01f), q, t);
}}"
    ));
    line(format!(
        "static inline {v} {v}_erf({v} x) {{
  {v} a = {v}_abs(x), t = 1.0f / (1.0f + 0.3275911f * a);
  {v} p = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
  {v} y = 1.0f - p * {v}_exp(-a * a), s = x * x;
  {v} q = x * (1.1283792f + s * (-0.37612639f + s * (0.11283792f - s * 0.026866171f)));
  return {v}_blend(a < {v}_splat(0.3f), q, {v}_blend(x < {v}_splat(0.0f), -y, y));
}}"
    ));
    text
}
