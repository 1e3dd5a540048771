//! Clusters of candidates, of which CHAMELEON measures one point each.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Most iterations of a clustering, the step in the number of clusters, and the gain below which more of them are not worth
/// it: the numbers of CHAMELEON's code.
const ITERATIONS: usize = 100;
const STEP: usize = 8;
const KNEE: f64 = 2.5;

fn distance(a: &[usize], b: &[usize]) -> usize {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b).pow(2)).sum()
}

/// k-means whose centroids are rounded to whole numbers; an empty cluster starts again at a random point. With the sum of
/// squared distances.
fn cluster(points: &[Vec<usize>], k: usize, rng: &mut ChaCha8Rng) -> (Vec<Vec<usize>>, usize) {
    let any = |rng: &mut ChaCha8Rng| points[rng.random_range(0..points.len())].clone();
    let mut centroids: Vec<Vec<usize>> = (0..k).map(|_| any(rng)).collect();
    let mut of = vec![usize::MAX; points.len()];
    for _ in 0..ITERATIONS {
        let nearest = |point: &Vec<usize>| (0..k).min_by_key(|&c| distance(point, &centroids[c])).unwrap_or(0);
        let next: Vec<usize> = points.iter().map(nearest).collect();
        if next == of {
            break;
        }
        of = next;
        for (c, centroid) in centroids.iter_mut().enumerate() {
            let members: Vec<&Vec<usize>> = points.iter().zip(&of).filter(|(_, o)| **o == c).map(|(p, _)| p).collect();
            if members.is_empty() {
                *centroid = any(rng);
                continue;
            }
            for (i, level) in centroid.iter_mut().enumerate() {
                let sum: usize = members.iter().map(|member| member[i]).sum();
                *level = (sum as f64 / members.len() as f64).round() as usize;
            }
        }
    }
    let total = points.iter().map(|p| centroids.iter().map(|c| distance(p, c)).min().unwrap_or(0)).sum();
    (centroids, total)
}

/// Centroids for the first k of 8, 16, 24, … at which the loss is no longer 2.5 times smaller than the one before.
pub(super) fn centroids(points: &[Vec<usize>], most: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    if points.len() <= STEP {
        return points.to_vec();
    }
    let mut last: Option<(Vec<Vec<usize>>, usize)> = None;
    let mut k = STEP;
    while k <= most.min(points.len()) {
        let next = cluster(points, k, rng);
        let knee = last.as_ref().is_some_and(|(_, before)| next.1 as f64 >= *before as f64 / KNEE);
        last = Some(next);
        if knee {
            break;
        }
        k += STEP;
    }
    last.map_or_else(Vec::new, |(centroids, _)| centroids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn far_groups_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let points: Vec<Vec<usize>> = (0..64).map(|i| vec![100 * (i % 4), i / 16]).collect();
        let found = centroids(&points, 64, &mut rng);
        assert!(found.len() >= 8 && found.len().is_multiple_of(8), "{}", found.len());
        for group in 0..4 {
            assert!(found.iter().any(|c| c[0].abs_diff(100 * group) < 10), "{found:?}");
        }
    }
}
