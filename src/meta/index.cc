#include "meta/index.h"

#include <atomic>
#include <utility>

#include "base/assert.h"
#include "base/mutex.h"
#include "meta/connection.h"
#include "meta/database.h"
#include "meta/index_reader.h"
#include "meta/row_codec.h"
#include "meta/row_writer.h"

namespace ciaos::meta {

namespace {

// A WAL frame is a page behind 24 bytes of header; the file begins with 32.
constexpr std::uint64_t kWalFrameHeaderBytes = 24;
constexpr std::uint64_t kWalHeaderBytes = 32;
// A load empties its WAL at this size, so that it takes the room of the index and little more.
constexpr std::uint64_t kLoadWalBytesMax = 256ull << 20;

}  // namespace

// What it takes to write. Members go in the reverse order: statements before their connection.
struct Writer {
  Connection connection;
  RowWriter rows;
  Statement put_applied;
  std::optional<Sequence> applied;

  static Result<Writer> prepare(Connection opened) {
    RowWriter rows = TRY(RowWriter::prepare(opened));
    Statement put = TRY(opened.prepare("INSERT OR REPLACE INTO meta VALUES('applied',?)"));
    Statement query = TRY(opened.prepare(kAppliedQuery));
    const std::optional<TxnRef> position = TRY(applied_position(query));
    return Writer{std::move(opened), std::move(rows), std::move(put),
                  position ? std::optional(position->sequence) : std::nullopt};
  }

  Status write(std::span<const Changes* const> batches, const TxnRef* position) {
    rows.begin();
    for (const Changes* batch : batches) {
      if (position != nullptr)
        TRY_VOID(rows.apply(*batch));
      else
        TRY_VOID(rows.fill(*batch));
    }
    TRY_VOID(rows.write_usage());
    return position != nullptr ? set_applied(*position) : Status();
  }

  Status set_applied(const TxnRef& position) {
    ByteWriter packed;
    write_txn_ref(packed, position);
    return put_applied.bind(1, packed.buffer()).run();
  }

  // All or nothing. Without a position the batches are rows of a load.
  Status transact(std::span<const Changes* const> batches, const TxnRef* position) {
    TRY_VOID(connection.execute("BEGIN IMMEDIATE"));
    Status done = write(batches, position);
    if (done.ok()) done = connection.execute("COMMIT");
    if (done.ok()) {
      if (position != nullptr) applied = position->sequence;
      return {};
    }
    // After ENOSPC or EIO SQLite may have rolled back by itself, and says so; the first error is the one that counts.
    (void)connection.execute("ROLLBACK");
    return done;
  }
};

struct Index::State {
  State(std::string in, Mode opened) : directory(std::move(in)), mode(opened) {}

  // Constant after construction.
  const std::string directory;
  const Mode mode;
  std::uint64_t page_bytes = 0;

  std::atomic<std::uint64_t> wal_pages{0};
  // Emptying the WAL takes SQLite's own lock on writing; who waits for that one polls, so both wait here instead.
  // Lock order: checkpoint_mutex, write_mutex.
  Mutex checkpoint_mutex;
  Mutex write_mutex;
  std::optional<Connection> checkpointer GUARDED_BY(checkpoint_mutex);
  std::optional<Writer> writer GUARDED_BY(write_mutex);

  Status open(const Uuid& store) EXCLUDES(checkpoint_mutex, write_mutex);
};

Status Index::State::open(const Uuid& store) {
  const MutexLock checkpoint_lock(checkpoint_mutex);
  const MutexLock write_lock(write_mutex);
  Connection connection = TRY(open_database(directory, store, mode));
  page_bytes = TRY(connection.number("PRAGMA page_size"));
  if (mode == Mode::read_only) return {};
  checkpointer = TRY(open_checkpointer(directory));
  connection.count_wal_pages(wal_pages);
  wal_pages = TRY(wal_file_bytes(directory)) / (page_bytes + kWalFrameHeaderBytes);
  writer = TRY(Writer::prepare(std::move(connection)));
  return {};
}

Index::Index(std::unique_ptr<State> state) : state_(std::move(state)) {}
Index::~Index() = default;

Result<std::unique_ptr<Index>> Index::open(const std::string& directory, const Uuid& store, Mode mode) {
  auto state = std::make_unique<State>(directory, mode);
  Status opened = state->open(store);
  if (!opened.ok()) return with_context(std::move(opened).error(), directory);
  return std::unique_ptr<Index>(new Index(std::move(state)));
}

Status Index::remove(const std::string& directory) { return remove_database(directory); }

Status Index::apply(std::span<const Changes* const> batches, const TxnRef& position) {
  const MutexLock lock(state_->write_mutex);
  if (!state_->writer) return fail(EROFS, "index opened for reading only");
  Writer& writer = *state_->writer;
  CIAOS_ASSERT(!writer.applied || *writer.applied < position.sequence);
  return writer.transact(batches, &position);
}

Status Index::load(const Changes& rows) {
  {
    const MutexLock lock(state_->write_mutex);
    if (!state_->writer) return fail(EROFS, "index opened for reading only");
    CIAOS_ASSERT(!state_->writer->applied);
    const Changes* const batch = &rows;
    TRY_VOID(state_->writer->transact({&batch, 1}, nullptr));
  }
  return wal_bytes() > kLoadWalBytesMax ? checkpoint() : Status();
}

Status Index::finish_load(const TxnRef& position) {
  {
    const MutexLock lock(state_->write_mutex);
    if (!state_->writer) return fail(EROFS, "index opened for reading only");
    CIAOS_ASSERT(!state_->writer->applied);
    TRY_VOID(state_->writer->transact({}, &position));
  }
  return checkpoint();
}

Status Index::checkpoint() {
  const MutexLock checkpoint_lock(state_->checkpoint_mutex);
  if (!state_->checkpointer) return fail(EROFS, "index opened for reading only");
  Connection& connection = *state_->checkpointer;
  // Most of the work goes on beside the writer; only the rest, of what it wrote meanwhile, holds it up.
  TRY_VOID(connection.checkpoint_some());
  {
    const MutexLock write_lock(state_->write_mutex);
    if (TRY(connection.checkpoint_all())) {
      state_->wal_pages = 0;
      return sync_directory(state_->directory);
    }
  }
  // A long read holds part of the WAL back. What lies there is as durable, once it is synced.
  TRY_VOID(sync_wal(state_->directory));
  return sync_directory(state_->directory);
}

std::uint64_t Index::wal_bytes() const {
  const std::uint64_t pages = state_->wal_pages;
  return pages == 0 ? 0 : kWalHeaderBytes + pages * (state_->page_bytes + kWalFrameHeaderBytes);
}

Result<IndexReader> Index::reader() {
  Connection connection = TRY(open_reader(state_->directory, state_->mode));
  return IndexReader(TRY(IndexReader::State::prepare(std::move(connection))));
}

}  // namespace ciaos::meta
