//! The shop of `examples/kubernetes` in two clusters on this machine, to try the conductor on by hand: they are there until
//! the standard input ends.

use conductor_tests::ClusterBed;

fn main() {
    let bed = ClusterBed::new("by-hand", "3m");
    println!("{}\nEnd both clusters with Ctrl-D.", bed.by_hand());
    // An input that cannot be read is at its end.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
