//! Checkpoints that were trained from the store: what they learned, how good they are, and which one is in use.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Error, Filter, Moment, Result, Store,
    link::{Fault, Link, Outcome, Row, args},
    network::bytes_of,
    reading::bounded,
};

/// A checkpoint to keep.
#[derive(Clone, Debug)]
pub struct NewCheckpoint {
    /// What it is for; one checkpoint of a name is installed at a time.
    pub name: String,
    /// The device that it predicts; empty for several.
    pub device: String,
    /// The file, or where it lies.
    pub contents: Contents,
    /// What it learned.
    pub learned: Fingerprint,
    /// Its error on measurements that it has not seen; smaller is better.
    pub score: f64,
}

/// The file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Itself.
    Bytes(Vec<u8>),
    /// Where it lies.
    Path(String),
}

/// Which measurements a checkpoint has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// How many.
    pub measurements: u64,
    /// Of all of them, whatever their order: 64 hexadecimal digits.
    pub digest: String,
}

/// A checkpoint that is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checkpoint {
    /// Its number.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// The device that it predicts; empty for several.
    pub device: String,
    /// What it learned.
    pub learned: Fingerprint,
    /// Its error on measurements that it has not seen.
    pub score: f64,
    /// Whether it is in use.
    pub standing: Standing,
    /// When it was made.
    pub made_at: Moment,
    /// When it was last installed.
    pub installed_at: Option<Moment>,
}

/// Whether a checkpoint is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Not, or another has taken its place.
    Kept,
    /// In use.
    Installed,
    /// It was, and was taken back.
    RolledBack,
}

const COLUMNS: &str = "id, name, device, measurements, fingerprint, score, state, made_at, installed_at";
const LARGEST: usize = 256 << 20;

impl Store {
    /// The fingerprint of the measurements that the filter selects.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn fingerprint(&self, filter: &Filter) -> Result<Fingerprint> {
        let (mut measurements, mut sum) = (0, [0u64; 4]);
        self.each_measurement(filter, |key, reading| {
            let mut hash = Sha256::new_with_prefix(bytes_of(key.hash));
            hash.update(key.ordinal.to_le_bytes());
            hash.update(serde_json::to_vec(&reading).map_err(|error| Error::Invalid(error.to_string()))?);
            // A sum does not depend on the order, which differs from store to store.
            for (sum, bytes) in sum.iter_mut().zip(hash.finalize().chunks_exact(8)) {
                *sum = sum.wrapping_add(bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
            }
            measurements += 1;
            Ok(())
        })?;
        Ok(Fingerprint { measurements, digest: sum.iter().map(|word| format!("{word:016x}")).collect() })
    }

    /// Keeps a checkpoint, without installing it; returns its number.
    ///
    /// # Errors
    /// A field outside its bounds; the store cannot be written.
    pub fn put_checkpoint(&self, new: &NewCheckpoint) -> Result<i64> {
        bounded("name", &new.name, 200)?;
        bounded("device", &new.device, 200)?;
        bounded("fingerprint", &new.learned.digest, 200)?;
        let (file, path) = match &new.contents {
            Contents::Bytes(bytes) => (Some(bytes.as_slice()), None),
            Contents::Path(path) => (None, Some(path.as_str())),
        };
        bounded("path", path.unwrap_or_default(), 4000)?;
        let length = file.map_or_else(|| path.map_or(0, str::len), <[u8]>::len);
        if new.name.is_empty()
            || new.learned.digest.is_empty()
            || !(1..=LARGEST).contains(&length)
            || !new.score.is_finite()
        {
            return Err(Error::Invalid("checkpoint: a name, contents, a fingerprint and a score".into()));
        }
        let made = Moment::now();
        self.write(async |link| {
            // The same one is there already where the answer to a first attempt was lost.
            let same = "select id from checkpoints where name = $1 and device = $2 and fingerprint = $3 and made_at = $4";
            let key = args![&new.name, &new.device, &new.learned.digest, made.0];
            if let Some(row) = link.row(same, key).await? {
                return row.int(0);
            }
            let sql = "insert into checkpoints (name, device, file, path, measurements, fingerprint, score, state, made_at) \
                       values ($1, $2, $3, $4, $5, $6, $7, 'kept', $8)";
            let measurements = i64::try_from(new.learned.measurements).unwrap_or(i64::MAX);
            let args = args![&new.name, &new.device, file, path, measurements, &new.learned.digest, new.score, made.0];
            link.run(sql, args).await?;
            let row = link.row(same, key).await?;
            row.ok_or_else(|| Fault::Strange("a checkpoint that was stored is not there".into()))?.int(0)
        })
    }

    /// All checkpoints, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.link(async |link| {
            let sql = format!("select {COLUMNS} from checkpoints order by id desc");
            link.rows(sql, args![]).await?.iter().map(read).collect()
        })
    }

    /// The checkpoint of a name that is in use.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn installed(&self, name: &str) -> Result<Option<Checkpoint>> {
        self.link(async |link| {
            let sql = format!("select {COLUMNS} from checkpoints where name = $1 and state = 'installed'");
            link.row(sql, args![name]).await?.map(|row| read(&row)).transpose()
        })
    }

    /// The file of a checkpoint.
    ///
    /// # Errors
    /// [`Error::UnknownCheckpoint`]; the store cannot be read.
    pub fn contents(&self, id: i64) -> Result<Contents> {
        self.link(async |link| {
            let row = link.row("select file, path from checkpoints where id = $1", args![id]).await?;
            let row = row.ok_or_else(|| unknown(id))?;
            Ok(match row.maybe_text(1)? {
                Some(path) => Contents::Path(path),
                None => Contents::Bytes(row.bytes(0)?.to_vec()),
            })
        })
    }

    /// Puts a checkpoint in the place of the one of its name that is in use.
    ///
    /// # Errors
    /// [`Error::UnknownCheckpoint`]; the store cannot be written.
    pub fn install(&self, id: i64) -> Result<()> {
        self.write(async |link| {
            let row = link.row("select name, state from checkpoints where id = $1", args![id]).await?;
            let row = row.ok_or_else(|| unknown(id))?;
            // So that going back leads to what was in use before, even where this is done again.
            if row.text(1)? == "installed" {
                return Ok(());
            }
            put_away(link, &row.text(0)?, "kept").await?;
            put_up(link, id).await
        })
    }

    /// Takes back the checkpoint of a name that is in use, and puts up the one that was in use before; returns that, or
    /// `None` where it was the first, after which none is in use.
    ///
    /// # Errors
    /// [`Error::UnknownCheckpoint`]: none is in use.
    pub fn roll_back(&self, name: &str) -> Result<Option<Checkpoint>> {
        let former = self.write(async |link| {
            let sql = "select id from checkpoints where name = $1 and state = 'installed'";
            if link.row(sql, args![name]).await?.is_none() {
                return Err(Error::UnknownCheckpoint(format!("`{name}`: no checkpoint is installed")).into());
            }
            let sql = "select id from checkpoints where name = $1 and state = 'kept' and installed_at is not null \
                       order by installed_at desc, id desc limit 1";
            let before = link.row(sql, args![name]).await?.map(|row| row.int(0)).transpose()?;
            put_away(link, name, "rolled back").await?;
            if let Some(before) = before {
                put_up(link, before).await?;
            }
            Ok(before)
        })?;
        let Some(former) = former else { return Ok(None) };
        self.link(async |link| {
            let row = link.row(format!("select {COLUMNS} from checkpoints where id = $1"), args![former]).await?;
            read(&row.ok_or_else(|| unknown(former))?).map(Some)
        })
    }
}

fn unknown(id: i64) -> Error {
    Error::UnknownCheckpoint(format!("no checkpoint {id} in the store"))
}

async fn put_away(link: &mut Link, name: &str, state: &str) -> Outcome<()> {
    link.run("update checkpoints set state = $2 where name = $1 and state = 'installed'", args![name, state]).await?;
    Ok(())
}

async fn put_up(link: &mut Link, id: i64) -> Outcome<()> {
    link.run("update checkpoints set state = 'installed', installed_at = {now} where id = $1", args![id]).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<Checkpoint> {
    let score = row.maybe_real(5)?.ok_or_else(|| Fault::Strange("a checkpoint without a score".into()))?;
    Ok(Checkpoint {
        id: row.int(0)?,
        name: row.text(1)?,
        device: row.text(2)?,
        learned: Fingerprint { measurements: row.count(3)?, digest: row.text(4)? },
        score,
        standing: match row.text(6)?.as_str() {
            "installed" => Standing::Installed,
            "rolled back" => Standing::RolledBack,
            _ => Standing::Kept,
        },
        made_at: Moment(row.int(7)?),
        installed_at: row.maybe_int(8)?.map(Moment),
    })
}
