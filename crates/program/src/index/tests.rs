use super::*;
use proptest::prelude::*;

const EXTENTS: [u64; 4] = [1, 3, 4, 16];

fn index() -> impl Strategy<Value = Index> {
    let leaf = prop_oneof![(0u32..4).prop_map(Index::var), (-20i64..20).prop_map(Index::constant)];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a + b),
            (inner.clone(), -12i64..13).prop_map(|(a, n)| a * n),
            (inner.clone(), 1i64..17).prop_map(|(a, n)| a.div(n)),
            (inner, 1i64..17).prop_map(|(a, n)| a.modulo(n)),
        ]
    })
}

proptest! {
    #[test]
    fn simpler_means_the_same_and_ranges_hold(index in index()) {
        let ranges = |var: Var| Range::of(EXTENTS[var as usize]);
        let simple = index.simplify(&ranges);
        let range = index.range(&ranges);
        for n in 0..3 * 4 * 16 {
            let values = [0, n % 3, n / 3 % 4, n / 12];
            let value = index.value(&values);
            prop_assert_eq!(value, simple.value(&values), "{:?} {:?}", &index, &simple);
            prop_assert!(value >= range.min && value <= range.max);
            // Sums are put together where they can be.
            let sum = (&index + &simple.modulo(12)).value(&values);
            prop_assert_eq!(sum, value + value.rem_euclid(12), "{:?}", &index);
            let parts = &index.modulo(4) + &(index.div(4).modulo(3) * 4);
            prop_assert_eq!(parts.value(&values), value.rem_euclid(12), "{:?}", &index);
        }
    }
}

#[test]
fn files_do_not_divide_by_zero() {
    let good = Index::var(0).div(3) * 2 + 5;
    let text = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Index>(&text).unwrap(), good);
    for bad in ["3]}", "0]}", "-4]}"].map(|by| text.replace("3]}", by)) {
        assert_eq!(serde_json::from_str::<Index>(&bad).is_ok(), bad == text, "{bad}");
    }
    assert!(serde_json::from_str::<Index>("{\"terms\":[],\"constant\":9223372036854775807}").is_err());
}

#[test]
fn what_a_split_and_a_layout_make_of_an_axis_is_simple() {
    let ranges = |var: Var| Range::of(if var == 0 { 8 } else { 16 });
    let text = |index: Index| index.simplify(&ranges).text(&|v| ["o", "i"][v as usize].into());
    let axis = Index::var(0) * 16 + Index::var(1);
    assert_eq!(text(axis.div(16)), "o");
    assert_eq!(text(axis.modulo(16)), "i");
    assert_eq!(text(axis.div(32)), "o / 2");
    assert_eq!(text(axis.modulo(32)), "i + 16*(o % 2)");
    assert_eq!(text(axis.div(7) * 7 + axis.modulo(7)), "16*o + i");
    assert_eq!(text((axis + 5).div(200)), "0");
}

#[test]
fn what_was_taken_apart_is_put_together() {
    let u = &Index::var(0) * 16 + 3;
    let inner = &u.modulo(197) + &(u.div(197).modulo(64) * 197);
    assert_eq!(inner, u.modulo(64 * 197));
    assert_eq!(&inner + &(u.div(64 * 197) * (64 * 197)), u);
    // Another quotient, or another coefficient, is something else.
    for other in [u.div(98).modulo(64) * 197, u.div(197).modulo(64) * 196] {
        assert_eq!((&u.modulo(197) + &other).terms().len(), 2);
    }
}
