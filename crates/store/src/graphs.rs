//! The graphs of a store.

use tachograph_ir::{BoundGraph, Graph};

use crate::{
    Error, GraphKey, Network, Result, Store,
    link::{Fault, Link, Outcome, args},
    network::{bytes_of, unpacked},
};

/// A graph's row.
pub(crate) struct Kept {
    pub id: i64,
    pub key: GraphKey,
    fixed: bool,
}

impl Store {
    /// Stores a graph, unless one that computes the same is there; returns the key that it goes by.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_graph(&self, network: &Network) -> Result<GraphKey> {
        let packed = network.packed()?;
        self.write(async |link| Ok(put(link, network, &packed).await?.key))
    }

    /// Stores graphs, in one transaction; returns their keys.
    ///
    /// # Errors
    /// As [`Store::put_graph`]; then none is stored.
    pub fn put_graphs(&self, networks: &[Network]) -> Result<Vec<GraphKey>> {
        let packed = networks.iter().map(Network::packed).collect::<Result<Vec<_>>>()?;
        self.write(async |link| {
            let mut keys = Vec::with_capacity(networks.len());
            for (network, packed) in networks.iter().zip(&packed) {
                keys.push(put(link, network, packed).await?.key);
            }
            Ok(keys)
        })
    }

    /// The key of a graph that computes the same, whatever its names and the order of its nodes.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn find(&self, network: &Network) -> Result<Option<GraphKey>> {
        self.link(async |link| Ok(find(link, network).await?.map(|kept| kept.key)))
    }

    /// A graph; its one hyperparameter is the batch, where that is free.
    ///
    /// # Errors
    /// [`Error::UnknownGraph`]; a graph that cannot be decoded.
    pub fn graph(&self, key: &GraphKey) -> Result<Graph> {
        Ok(self.network(key)?.graph().clone())
    }

    /// A graph at a batch.
    ///
    /// # Errors
    /// As [`Store::graph`] and [`Network::at`].
    pub fn bound(&self, key: &GraphKey, batch: u64) -> Result<BoundGraph> {
        self.network(key)?.at(batch)
    }

    /// A graph as it was stored.
    ///
    /// # Errors
    /// As [`Store::graph`].
    pub fn network(&self, key: &GraphKey) -> Result<Network> {
        let file = self.link(async |link| {
            let sql = "select file from graphs where hash = $1 and ordinal = $2";
            let row = link.row(sql, args![bytes_of(key.hash), key.ordinal]).await?;
            let row = row.ok_or(Error::UnknownGraph(*key))?;
            Ok(row.bytes(0)?.to_vec())
        })?;
        let damaged = |message: String| Error::Damaged {
            location: self.location().to_string(),
            message: format!("graph {key}: {message}"),
        };
        unpacked(&file).and_then(|file| Network::from_file(&file)).map_err(damaged)
    }

    /// All graphs, in the order in which they came, with their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn graphs(&self) -> Result<Vec<(GraphKey, String)>> {
        self.link(async |link| {
            let rows = link.rows("select hash, ordinal, name from graphs order by id", args![]).await?;
            rows.iter().map(|row| Ok((key(row.bytes(0)?, row.int(1)?)?, row.text(2)?))).collect()
        })
    }
}

/// A key from its columns.
pub(crate) fn key(hash: &[u8], ordinal: i64) -> Outcome<GraphKey> {
    let hash = tachograph_ir::disk::hex(hash).parse().map_err(|_| Fault::Strange("a hash is no hash".into()))?;
    Ok(GraphKey { hash, ordinal: u32::try_from(ordinal).map_err(|_| Fault::Strange("an ordinal is none".into()))? })
}

/// The row of a graph, by its key.
pub(crate) async fn id(link: &mut Link, key: &GraphKey) -> Outcome<i64> {
    let sql = "select id from graphs where hash = $1 and ordinal = $2";
    let row = link.row(sql, args![bytes_of(key.hash), key.ordinal]).await?;
    row.ok_or(Error::UnknownGraph(*key))?.int(0)
}

/// A graph that computes the same: of those with its hash the one that compares equal.
pub(crate) async fn find(link: &mut Link, network: &Network) -> Outcome<Option<Kept>> {
    let sql = "select id, ordinal, batch_name, file from graphs where hash = $1 order by ordinal";
    for row in link.rows(sql, args![bytes_of(network.hash())]).await? {
        let key = GraphKey { hash: network.hash(), ordinal: row.count(1)? as u32 };
        let damaged = |message: String| Fault::Strange(format!("graph {key}: {message}"));
        let file = unpacked(row.bytes(3)?).map_err(damaged)?;
        let same = file == network.file() || Network::from_file(&file).map_err(damaged)?.same_as(network);
        if same {
            return Ok(Some(Kept { id: row.int(0)?, key, fixed: row.is_null(2) }));
        }
    }
    Ok(None)
}

/// Stores a graph unless it is there.
pub(crate) async fn put(link: &mut Link, network: &Network, packed: &[u8]) -> Outcome<Kept> {
    // Another program may store a graph of this hash in between; then one looks again.
    for _ in 0..100 {
        if let Some(kept) = find(link, network).await? {
            if let (true, Some(batch)) = (kept.fixed, network.batch_name()) {
                // The same network from an export that leaves the batch free can do more.
                let sql = "update graphs set file = $1, batch_name = $2 where id = $3 and batch_name is null";
                // Who may add graphs may not always change them, and need not.
                let may = "select 1 where has_column_privilege('graphs', 'file', 'update')";
                if !link.is_postgres() || link.row(may, args![]).await?.is_some() {
                    link.run(sql, args![packed, batch, kept.id]).await?;
                }
            }
            return Ok(kept);
        }
        let hash = bytes_of(network.hash());
        let last =
            link.row("select coalesce(max(ordinal), -1) from graphs where hash = $1", args![hash.clone()]).await?;
        let ordinal = last.map_or(Ok(-1), |row| row.int(0))? + 1;
        let name: String = network.graph().name().chars().filter(|c| *c != '\0').take(500).collect();
        let sql = "insert into graphs (hash, ordinal, name, batch_name, nodes, file, added_at) \
                   values ($1, $2, $3, $4, $5, $6, {now}) on conflict do nothing";
        let nodes = network.graph().len() as i64;
        link.run(sql, args![hash, ordinal, name, network.batch_name(), nodes, packed]).await?;
    }
    Err(Fault::Strange(format!("graph {} is neither there nor can it be stored", network.hash())))
}
