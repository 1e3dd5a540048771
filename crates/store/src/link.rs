//! One connection to either database, and the values that go over it.
//!
//! Statements are written once, with `$1` placeholders, which both take; where the two differ, a word in braces stands for
//! what each says: `{now}`, `{lock}`.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    AssertSqlSafe, Column, Postgres, Row as _, Sqlite, TypeInfo, ValueRef, pool::PoolConnection, postgres::PgRow,
    sqlite::SqliteRow,
};

use crate::Error;

/// A value of a parameter or a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! values {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some(value.into()))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )*};
}
values! { i64 => Int, u32 => Int, i32 => Int, f64 => Real, &str => Text, String => Text, Vec<u8> => Bytes, &[u8] => Bytes }

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

/// Parameters of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::link::Value::from($value)),*] };
}
pub(crate) use args;

/// A row of an answer.
#[derive(Debug)]
pub(crate) struct Row(Vec<Value>);

/// An error of the driver, or ours.
pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

/// What a statement can end in.
#[derive(Debug)]
pub(crate) enum Fault {
    Driver(sqlx::Error),
    Silent(Duration),
    Ours(Error),
    Strange(String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Row {
    fn get(&self, column: usize) -> Outcome<&Value> {
        self.0.get(column).ok_or_else(|| Fault::Strange(format!("an answer has no column {column}")))
    }

    fn strange<T>(&self, column: usize) -> Outcome<T> {
        Err(Fault::Strange(format!("column {column} of an answer is {:?}", self.0.get(column))))
    }

    pub fn int(&self, column: usize) -> Outcome<i64> {
        self.maybe_int(column)?.map_or_else(|| self.strange(column), Ok)
    }

    pub fn maybe_int(&self, column: usize) -> Outcome<Option<i64>> {
        match self.get(column)? {
            Value::Int(value) => Ok(*value),
            Value::Real(None) | Value::Text(None) | Value::Bytes(None) => Ok(None),
            _ => self.strange(column),
        }
    }

    /// An integer that is not negative.
    pub fn count(&self, column: usize) -> Outcome<u64> {
        u64::try_from(self.int(column)?).or_else(|_| self.strange(column))
    }

    pub fn maybe_real(&self, column: usize) -> Outcome<Option<f64>> {
        match self.get(column)? {
            Value::Real(value) => Ok(*value),
            Value::Int(value) => Ok(value.map(|value| value as f64)),
            Value::Text(None) | Value::Bytes(None) => Ok(None),
            _ => self.strange(column),
        }
    }

    pub fn maybe_text(&self, column: usize) -> Outcome<Option<String>> {
        match self.get(column)? {
            Value::Text(value) => Ok(value.clone()),
            Value::Int(None) | Value::Real(None) | Value::Bytes(None) => Ok(None),
            _ => self.strange(column),
        }
    }

    pub fn text(&self, column: usize) -> Outcome<String> {
        self.maybe_text(column)?.map_or_else(|| self.strange(column), Ok)
    }

    pub fn bytes(&self, column: usize) -> Outcome<&[u8]> {
        match self.get(column)? {
            Value::Bytes(Some(bytes)) => Ok(bytes),
            _ => self.strange(column),
        }
    }

    pub fn is_null(&self, column: usize) -> bool {
        use Value::{Bytes, Int, Real, Text};
        matches!(self.0.get(column), None | Some(Int(None) | Real(None) | Text(None) | Bytes(None)))
    }
}

/// A connection, with a transaction or without.
pub(crate) struct Link {
    connection: Connection,
    within: bool,
    patience: Duration,
}

pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

macro_rules! on {
    ($link:expr, $connection:ident => $body:expr) => {{
        let patience = $link.patience;
        let answer = async {
            match &mut $link.connection {
                Connection::Sqlite($connection) => $body,
                Connection::Postgres($connection) => $body,
            }
        };
        // Where a network swallows packets no error ever comes.
        match tokio::time::timeout(patience, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Silent(patience)),
        }
    }};
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for value in $args {
            query = match value.clone() {
                Value::Int(value) => query.bind(value),
                Value::Real(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Link {
    pub fn new(connection: Connection, patience: Duration) -> Self {
        Self { connection, within: false, patience }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.connection, Connection::Postgres(_))
    }

    /// Milliseconds since 1970 by the clock of the database.
    pub async fn now(&mut self) -> Outcome<i64> {
        let rows = self.rows("select {now}", args![]).await?;
        rows.first().ok_or_else(|| Fault::Strange("the database has no clock".into()))?.int(0)
    }

    fn dialect(&self, sql: impl Into<Cow<'static, str>>) -> Cow<'static, str> {
        let sql = sql.into();
        if !sql.contains('{') {
            return sql;
        }
        let (now, lock) = match self.is_postgres() {
            true => ("tachograph_now()", "for update skip locked"),
            false => ("cast(unixepoch('subsec') * 1000 as integer)", ""),
        };
        sql.replace("{now}", now).replace("{lock}", lock).into()
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn run(&mut self, sql: impl Into<Cow<'static, str>>, args: &[Value]) -> Outcome<u64> {
        let sql = self.dialect(sql);
        on!(self, c => Ok(bound!(sql, args).execute(&mut **c).await?.rows_affected()))
    }

    /// Runs a query; returns its rows.
    pub async fn rows(&mut self, sql: impl Into<Cow<'static, str>>, args: &[Value]) -> Outcome<Vec<Row>> {
        let sql = self.dialect(sql);
        on!(self, c => {
            let rows = bound!(sql, args).fetch_all(&mut **c).await?;
            rows.iter().map(Decoded::decoded).collect()
        })
    }

    /// Runs a query that has one row at most.
    pub async fn row(&mut self, sql: impl Into<Cow<'static, str>>, args: &[Value]) -> Outcome<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs several statements without parameters.
    pub async fn script(&mut self, sql: &'static str) -> Outcome<()> {
        on!(self, c => {
            sqlx::raw_sql(sql).execute(&mut **c).await?;
            Ok(())
        })
    }

    /// Begins a transaction that writes. SQLite takes its lock at once: one that starts to read and then wants to write
    /// can be refused for good.
    pub async fn begin(&mut self) -> Outcome<()> {
        let begin = if self.is_postgres() { "begin" } else { "begin immediate" };
        self.script(begin).await?;
        self.within = true;
        Ok(())
    }

    /// Ends it.
    pub async fn commit(&mut self) -> Outcome<()> {
        self.script("commit").await?;
        self.within = false;
        Ok(())
    }

    /// Takes back what was written since [`Link::begin`].
    pub async fn roll_back(&mut self) {
        if self.within && self.script("rollback").await.is_ok() {
            self.within = false;
        }
    }

    /// Never uses this connection again.
    pub fn discard(&mut self) {
        match &mut self.connection {
            Connection::Sqlite(connection) => connection.close_on_drop(),
            Connection::Postgres(connection) => connection.close_on_drop(),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.within {
            // The next to use the connection would find itself in somebody else's transaction.
            self.discard();
        }
    }
}

trait Decoded {
    fn decoded(&self) -> Outcome<Row>;
}

impl Decoded for SqliteRow {
    fn decoded(&self) -> Outcome<Row> {
        let value = |i: usize| {
            let raw = self.try_get_raw(i)?;
            if raw.is_null() {
                return Ok(Value::Int(None));
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "INTEGER" | "BOOLEAN" => Value::Int(self.try_get(i)?),
                "REAL" => Value::Real(self.try_get(i)?),
                "TEXT" => Value::Text(self.try_get(i)?),
                "BLOB" => Value::Bytes(self.try_get(i)?),
                other => return Err(Fault::Strange(format!("column `{}` is of type {other}", self.column(i).name()))),
            })
        };
        (0..self.len()).map(value).collect::<Outcome<_>>().map(Row)
    }
}

impl Decoded for PgRow {
    fn decoded(&self) -> Outcome<Row> {
        let value = |i: usize| {
            let kind = self.column(i).type_info().name();
            Ok(match kind {
                "INT8" => Value::Int(self.try_get(i)?),
                "INT4" => Value::from(self.try_get::<Option<i32>, _>(i)?),
                "BOOL" => Value::Int(self.try_get::<Option<bool>, _>(i)?.map(i64::from)),
                "FLOAT8" => Value::Real(self.try_get(i)?),
                "TEXT" | "NAME" | "VARCHAR" | "UNKNOWN" => Value::Text(self.try_get(i)?),
                "BYTEA" => Value::Bytes(self.try_get(i)?),
                "VOID" => Value::Int(None),
                other => return Err(Fault::Strange(format!("column `{}` is of type {other}", self.column(i).name()))),
            })
        };
        (0..self.len()).map(value).collect::<Outcome<_>>().map(Row)
    }
}
