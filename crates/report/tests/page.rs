//! Whole pages.

use tachograph_ir::{Assignment, Builder, DType};
use tachograph_report::{DeviceEstimate, DrawnNetwork, Latency, Page, Vertex};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"' & {{ 7 }}";

fn report(name: &str) -> Page {
    let mut b = Builder::new(name);
    let x = b.input(name, DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
    let y = b.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let times: Vec<_> = bound.live().iter().map(|&id| (id, 1.0)).collect();
    let latency = Latency { ms: 1.5, interval: Some((1.2, 1.9)) };
    let device = DeviceEstimate { name: name.into(), detail: name.into(), latency, chosen: true };
    Page {
        title: name.into(),
        latency,
        nominal: Some(0.8),
        facts: vec![(name.into(), name.into())],
        warnings: vec![name.into()],
        shares_of: "predicted time".into(),
        network: DrawnNetwork::new(&bound, &times).unwrap(),
        batches: vec![(1, latency), (2, Latency { ms: 2.5, interval: Some((2.1, 3.0)) })],
        devices: vec![device],
    }
}

/// Texts and attributes of the page, with what HTML escapes put back.
fn unescaped(html: &str) -> String {
    let named = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    ["&#60;", "&#62;", "&#34;", "&#39;", "&#38;"]
        .into_iter()
        .zip(["<", ">", "\"", "'", "&"])
        .fold(named, |text, (code, char)| text.replace(code, char))
}

#[test]
fn names_cannot_leave_their_place() {
    let html = report(HOSTILE).to_html().unwrap();
    assert!(!html.contains("<img"), "a name became an element");
    assert_eq!(html.matches("</script>").count(), 1);
    // Each tag is one that a page without hostile names has.
    assert_eq!(html.matches('<').count(), report("plain").to_html().unwrap().matches('<').count());
    assert_eq!(html.matches('"').count(), report("plain").to_html().unwrap().matches('"').count());
    assert!(unescaped(&html).matches(HOSTILE).count() >= 8, "a name is missing");
}

#[test]
fn loads_nothing() {
    let html = report("plain").to_html().unwrap();
    assert!(html.contains("default-src 'none'"));
    for forbidden in ["http://", "https://", "@import", "src=", "<link"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("80 % interval 1.20 ms to 1.90 ms"), "no interval");
}

#[test]
fn is_plain_data() {
    let report = report("plain");
    let again: Page = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(again, report);
}

#[test]
fn a_page_about_nothing_is_a_page() {
    let report = Page { network: DrawnNetwork::default(), batches: vec![], devices: vec![], ..report("plain") };
    assert!(report.to_html().unwrap().ends_with("</html>"));
}

#[test]
fn edges_that_lead_nowhere_are_refused() {
    let mut report = report("plain");
    report.network.edges.push((0, 99));
    let error = report.to_html().unwrap_err().to_string();
    assert!(error.starts_with("edge 0 → 99 of a network of 3 vertices"), "{error}");
}

#[test]
fn a_thousand_kernels_are_laid_out_at_once() {
    let vertex = |i: usize| Vertex {
        label: format!("Conv {i}"),
        shape: String::new(),
        share: Some(1e-3),
        detail: String::new(),
    };
    let vertices = (0..1000).map(vertex).collect();
    let edges = (1..1000).flat_map(|i| [(i - 1, i), (i / 2, i)]).filter(|(from, to)| from < to).collect();
    let report = Page { network: DrawnNetwork { vertices, edges, operators: vec![] }, ..report("plain") };
    let start = std::time::Instant::now();
    assert!(report.to_html().unwrap().len() < 1 << 20);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
