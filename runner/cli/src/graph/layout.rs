//! Where boxes and arrows go: layers from top to bottom, each step below all that it waits for.
//!
//! This file decides that from sizes alone, the same way every time. It must not know what stands in the boxes.
//!
//! An arrow over more than one layer gets a bend in each layer between, which takes a place of its own there, so that it
//! leads around boxes and not through them. The order within a layer follows the middle of what each is connected with.

/// What a layer's box or bend needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A laid out level.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// The upper left corner of each box.
    pub(super) corners: Vec<(f64, f64)>,
    /// The points of each arrow, from its beginning to its end.
    pub(super) ways: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Between boxes of a layer.
const BESIDE: f64 = 20.0;
/// Between layers.
const BELOW: f64 = 34.0;
/// A bend of an arrow.
const BEND: f64 = 8.0;
/// Rounds of putting layers in order; more change next to nothing.
const ROUNDS: usize = 4;

/// Places boxes of these sizes.
pub(super) fn place(boxes: &[Extent], edges: &[(usize, usize)]) -> Placed {
    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); boxes.len()];
    edges.iter().for_each(|(from, to)| needs[*to].push(*from));
    let layer_of = super::ranks(&needs);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); layer_of.iter().max().map_or(0, |last| last + 1)];
    layer_of.iter().enumerate().for_each(|(at, layer)| layers[*layer].push(at));

    // Bends are items behind the boxes.
    let mut extents = boxes.to_vec();
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (from, to) in edges {
        let mut chain = vec![*from];
        for layer in layers.iter_mut().take(layer_of[*to]).skip(layer_of[*from] + 1) {
            extents.push(Extent { width: BEND, height: 0.0 });
            layer.push(extents.len() - 1);
            chain.push(extents.len() - 1);
        }
        chain.push(*to);
        links.extend(chain.windows(2).map(|pair| (pair[0], pair[1])));
        chains.push(chain);
    }
    order(&mut layers, &links, extents.len());
    let xs = across(&layers, &extents, &links);
    let (tops, heights) = down(&layers, &extents);

    let layer_of_item = {
        let mut layer_of_item = vec![0; extents.len()];
        layers.iter().enumerate().for_each(|(at, layer)| layer.iter().for_each(|item| layer_of_item[*item] = at));
        layer_of_item
    };
    let corners = (0..boxes.len())
        .map(|at| {
            let layer = layer_of_item[at];
            (xs[at] - boxes[at].width / 2.0, tops[layer] + (heights[layer] - boxes[at].height) / 2.0)
        })
        .collect::<Vec<_>>();
    let way = |chain: &Vec<usize>| {
        let mut points = Vec::new();
        for (place, item) in chain.iter().enumerate() {
            let layer = layer_of_item[*item];
            let (top, bottom) = match corners.get(*item) {
                Some((_, y)) => (*y, y + boxes[*item].height),
                None => (tops[layer], tops[layer] + heights[layer]),
            };
            if place > 0 {
                points.push((xs[*item], top));
            }
            if place + 1 < chain.len() && (place == 0 || bottom > top) {
                points.push((xs[*item], bottom));
            }
        }
        points
    };
    let right = (0..extents.len()).map(|at| xs[at] + extents[at].width / 2.0).fold(0.0, f64::max);
    let height = tops.last().zip(heights.last()).map_or(0.0, |(top, height)| top + height);
    Placed { ways: chains.iter().map(way).collect(), corners, width: right, height }
}

/// Puts each layer in the order of the middles of what its items are connected with, down and up in turns.
fn order(layers: &mut [Vec<usize>], links: &[(usize, usize)], items: usize) {
    let (mut above, mut below) = (vec![Vec::new(); items], vec![Vec::new(); items]);
    for (from, to) in links {
        below[*from].push(*to);
        above[*to].push(*from);
    }
    let mut place = vec![0.0; items];
    let number = |layer: &[usize], place: &mut [f64]| {
        #[expect(clippy::cast_precision_loss, reason = "a layer has at most as many items as a plan has steps")]
        layer.iter().enumerate().for_each(|(at, item)| place[*item] = at as f64 - layer.len() as f64 / 2.0);
    };
    layers.iter().for_each(|layer| number(layer, &mut place));
    for round in 0..ROUNDS {
        let neighbours = if round % 2 == 0 { &above } else { &below };
        let count = layers.len();
        for step in 0..count {
            let layer = &mut layers[if round % 2 == 0 { step } else { count - 1 - step }];
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            let middle = |item: usize| {
                let near = &neighbours[item];
                let sum: f64 = near.iter().map(|other| place[*other]).sum();
                if near.is_empty() { place[item] } else { sum / near.len() as f64 }
            };
            let mut keyed: Vec<(f64, usize)> = layer.iter().map(|item| (middle(*item), *item)).collect();
            // A stable sort: what is equal stays in the order written.
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *layer = keyed.into_iter().map(|(_, item)| item).collect();
            number(layer, &mut place);
        }
    }
}

/// The middle of each item: as near to what it is connected with as the order of its layer allows.
fn across(layers: &[Vec<usize>], extents: &[Extent], links: &[(usize, usize)]) -> Vec<f64> {
    let mut xs = vec![0.0; extents.len()];
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); extents.len()];
    links.iter().for_each(|(from, to)| above[*to].push(*from));
    for layer in layers {
        let wanted: Vec<f64> = layer
            .iter()
            .map(|item| {
                let near = &above[*item];
                #[expect(clippy::cast_precision_loss, reason = "as many as a step has needs")]
                let count = near.len() as f64;
                if near.is_empty() { 0.0 } else { near.iter().map(|other| xs[*other]).sum::<f64>() / count }
            })
            .collect();
        // From the left as near as possible, then all of the layer back to the middle of what was wanted.
        let mut free = f64::NEG_INFINITY;
        for (item, wanted) in layer.iter().zip(&wanted) {
            let half = extents[*item].width / 2.0;
            xs[*item] = wanted.max(free + half);
            free = xs[*item] + half + BESIDE;
        }
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let off = layer.iter().zip(&wanted).map(|(item, wanted)| xs[*item] - wanted).sum::<f64>() / layer.len() as f64;
        layer.iter().for_each(|item| xs[*item] -= off);
    }
    let left = (0..extents.len()).map(|at| xs[at] - extents[at].width / 2.0).fold(f64::INFINITY, f64::min);
    xs.iter().map(|x| x - left).collect()
}

/// The top and the height of each layer.
fn down(layers: &[Vec<usize>], extents: &[Extent]) -> (Vec<f64>, Vec<f64>) {
    let heights: Vec<f64> =
        layers.iter().map(|layer| layer.iter().map(|item| extents[*item].height).fold(0.0, f64::max)).collect();
    let mut top = 0.0;
    let tops = heights
        .iter()
        .map(|height| {
            let this = top;
            top += height + BELOW;
            this
        })
        .collect();
    (tops, heights)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Extent = Extent { width: 100.0, height: 40.0 };

    #[test]
    fn boxes_do_not_touch_and_stand_below_what_they_wait_for() {
        let edges = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (0, 4), (3, 5)];
        let placed = place(&[BOX; 6], &edges);
        for (from, to) in edges {
            assert!(placed.corners[from].1 + BOX.height < placed.corners[to].1, "{from} {to}");
        }
        for a in 0..6 {
            for b in 0..a {
                let ((ax, ay), (bx, by)) = (placed.corners[a], placed.corners[b]);
                assert!((ax - bx).abs() >= BOX.width || (ay - by).abs() >= BOX.height, "{a} and {b} overlap");
            }
        }
        assert!(placed.corners.iter().all(|(x, y)| *x >= -0.01 && *y >= 0.0 && x + BOX.width <= placed.width + 0.01));
    }

    #[test]
    fn a_long_arrow_leads_around_the_boxes_between() {
        let placed = place(&[BOX; 3], &[(0, 1), (1, 2), (0, 2)]);
        let (x, y) = placed.corners[1];
        let inside =
            |point: &(f64, f64)| point.0 > x && point.0 < x + BOX.width && point.1 > y && point.1 < y + BOX.height;
        assert!(placed.ways[2].len() > 2 && !placed.ways[2].iter().any(inside), "{:?}", placed.ways[2]);
    }

    #[test]
    fn nothing_and_a_circle_are_no_reason_to_hang() {
        assert_eq!(place(&[], &[]).corners.len(), 0);
        assert_eq!(place(&[BOX; 2], &[(0, 1), (1, 0)]).corners.len(), 2);
    }
}
