// Reading past the daemon: bytes come from volumes that it handed out, verified here, and what a client remembers is true.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <wire_generated.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "engine/objects.h"
#include "rpc/client.h"
#include "rpc/packet.h"
#include "rpc/server.h"
#include "rpc/volume_reader.h"
#include "support/directory_store.h"
#include "support/engine_fixture.h"
#include "support/object_shell.h"
#include "support/random.h"
#include "support/shell.h"

namespace ciaos::test {
namespace {

using engine::LeasedPiece;
using rpc::Client;
using rpc::Memory;

class Leased : public DirectoryStoreTest {
 protected:
  void SetUp() override {
    DirectoryStoreTest::SetUp();
    listen();
    client_ = connect();
    ASSERT_EQ(client_->create_bucket("b", {}, {}).code(), 0);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }
  void listen() {
    auto made =
        rpc::Server::listen(*engine_, {.path = socket(), .stores = {path_}, .user = {}, .workers = 4});
    ASSERT_TRUE(made.ok()) << to_string(made.error());
    server_ = std::move(made).value();
  }
  std::string socket() const { return directory_.path() + "/socket"; }
  std::unique_ptr<Client> connect() {
    auto made = Client::connect(socket(), 30'000);
    EXPECT_TRUE(made.ok()) << to_string(made.error());
    (*made)->use_leases([] {});
    return std::move(made).value();
  }
  ObjectShell objects() { return ObjectShell(*engine_); }
  Shell shell() { return Shell(*engine_); }
  std::string get(const std::string& key) {
    const auto opened = client_->open({"b", key}, &memory_, 0, memory_.bytes().size());
    if (!opened.ok()) return "error: " + to_string(opened.error());
    EXPECT_EQ(opened->handle, InodeId{}) << "all of it was read";
    EXPECT_EQ(opened->bytes, opened->info.size);
    return std::string(as_text(ByteSpan(memory_.bytes()).first(opened->bytes)));
  }
  // Needles that the daemon read for somebody.
  std::uint64_t daemon_reads() { return engine_->statistics().reader.device_reads; }
  LeasedPiece piece_of(const std::string& path) {
    const engine::Leases::Holder holder(engine_->leases());
    return engine_->lease(holder, shell().inode(path), 0, 1u << 30, 64).value().at(0);
  }
  // Another byte, in the middle of what lies in the piece.
  void damage(const LeasedPiece& piece) {
    const UniqueFd fd(::open(volume_path(piece.needle.at.volume).c_str(), O_WRONLY | O_CLOEXEC));
    const std::uint64_t at = piece.needle.at.offset + store::needle_header_bytes(piece.needle.payload_bytes);
    ASSERT_EQ(::pwrite(fd.get(), "\xA5", 1, static_cast<off_t>(at + piece.needle.payload_bytes / 2)), 1);
  }

  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Client> client_;
  Memory memory_ = Memory::make(1u << 20).value();
};

TEST_F(Leased, BytesComeFromTheVolumesAndNotThroughTheDaemon) {
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{100'000}, std::size_t{1} << 20}) {
    const std::string key = "k" + std::to_string(bytes);
    const std::string contents = Random(bytes).bytes(bytes);
    ASSERT_EQ(objects().put("b/" + key, contents), 0);
    engine_->drop_caches();
    const std::uint64_t before = daemon_reads();
    EXPECT_TRUE(get(key) == contents) << bytes;
    EXPECT_TRUE(get(key) == contents) << bytes << ", remembered";
    EXPECT_EQ(daemon_reads(), before);
  }
}

TEST_F(Leased, LargeObjectsAreReadPieceByPieceWithTheirHoles) {
  ASSERT_EQ(objects().put("b/k", ""), 0);
  const std::string piece = Random(1).bytes(700'001);
  ASSERT_EQ(shell().write_at("/b/k", 3'000'000, piece), 0);
  ASSERT_EQ(shell().write_at("/b/k", 10, "abc"), 0);
  ASSERT_EQ(shell().truncate("/b/k", 5'000'000), 0);
  ASSERT_TRUE(engine_->commit().ok());
  const std::string whole = shell().cat("/b/k");
  const std::uint64_t before = daemon_reads();
  const auto opened = client_->open({"b", "k"}, &memory_, 0, 1u << 20);
  ASSERT_NE(opened->handle, InodeId{});
  std::string seen(as_text(ByteSpan(memory_.bytes()).first(opened->bytes)));
  while (seen.size() < whole.size()) {
    const auto count = client_->read(opened->handle, seen.size(), 333'333, memory_);
    ASSERT_TRUE(count.ok() && *count > 0);
    seen += as_text(ByteSpan(memory_.bytes()).first(*count));
  }
  EXPECT_TRUE(seen == whole);
  EXPECT_EQ(client_->read(opened->handle, whole.size(), 10, memory_).value(), 0u);
  EXPECT_EQ(daemon_reads(), before);
  client_->close(opened->handle);
  EXPECT_EQ(client_->read(opened->handle, 0, 10, memory_).code(), EBADF);
}

TEST_F(Leased, NothingThatIsRememberedIsStale) {
  ASSERT_EQ(objects().put("b/d/k", "one"), 0);
  EXPECT_EQ(get("d/k"), "one");
  ASSERT_EQ(objects().put("b/d/k", "another"), 0);
  EXPECT_EQ(get("d/k"), "another") << "put";
  ASSERT_EQ(shell().write_at("/b/d/k", 0, "written"), 0);
  EXPECT_EQ(get("d/k"), "written") << "written, and in no volume yet";
  ASSERT_TRUE(engine_->commit().ok());
  EXPECT_EQ(get("d/k"), "written");
  EXPECT_EQ(client_->lookup({"b", "d/k"})->size, 7u);
  ASSERT_EQ(shell().truncate("/b/d/k", 3), 0);
  EXPECT_EQ(client_->lookup({"b", "d/k"})->size, 3u);
  ASSERT_EQ(shell().mv("/b/d", "/b/e"), 0);
  EXPECT_EQ(client_->lookup({"b", "d/k"}).code(), ENOENT) << "a folder on the way was renamed";
  EXPECT_EQ(get("e/k"), "wri");
  ASSERT_EQ(shell().rm("/b/e/k"), 0);
  EXPECT_EQ(client_->lookup({"b", "e/k"}).code(), ENOENT);
  EXPECT_EQ(client_->open({"b", "e/k"}, &memory_, 0, 100).code(), ENOENT);
}

TEST_F(Leased, NothingIsRememberedOfADaemonThatHasEnded) {
  ASSERT_EQ(objects().put("b/k", "bytes"), 0);
  EXPECT_EQ(get("k"), "bytes");
  server_.reset();
  EXPECT_EQ(client_->open({"b", "k"}, &memory_, 0, 100).code(), ENOTCONN);
  EXPECT_EQ(client_->lookup({"b", "k"}).code(), ENOTCONN);
}

TEST_F(Leased, WrongBytesAreHandedToNobody) {
  ASSERT_EQ(objects().put("b/k", pattern(200'000)), 0);
  EXPECT_EQ(get("k"), pattern(200'000));
  damage(piece_of("/b/k"));
  EXPECT_EQ(client_->open({"b", "k"}, &memory_, 0, 1u << 20).code(), EUCLEAN) << "invariant 4; remembered";
  auto other = connect();
  EXPECT_EQ(other->open({"b", "k"}, &memory_, 0, 1u << 20).code(), EUCLEAN) << "asked for";
}

TEST_F(Leased, OneNeedleIsNotTakenForAnother) {
  ASSERT_EQ(objects().put("b/k", pattern(10'000)), 0);
  const LeasedPiece right = piece_of("/b/k");
  const UniqueFd fd(::open(volume_path(right.needle.at.volume).c_str(), O_RDONLY | O_CLOEXEC));
  ByteVector bytes(right.length);
  ASSERT_TRUE(rpc::read_leased(fd.get(), engine_->uuid(), right, bytes, [] {}).ok());
  EXPECT_EQ(as_text(bytes), pattern(10'000));
  // Parts that begin and end anywhere.
  const LeasedPiece part = rpc::clipped(right, 4097, 9001);
  ByteVector of_part(part.length);
  ASSERT_TRUE(rpc::read_leased(fd.get(), engine_->uuid(), part, of_part, [] {}).ok());
  EXPECT_EQ(as_text(of_part), pattern(10'000).substr(4097, 4904));
  const auto wrong = [&](auto change) {
    LeasedPiece piece = right;
    change(piece);
    ByteVector into(piece.length);
    return rpc::read_leased(fd.get(), engine_->uuid(), piece, into, [] {}).code();
  };
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.header_crc ^= 1; }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.at.generation = Generation(2); }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.at.volume = VolumeId(99); }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.at.offset += 8; }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.payload_bytes -= 1, p.length -= 1; }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.payload_offset = 1; }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.payload_bytes = 0xFFFF'FFFF; }), EUCLEAN);
  EXPECT_EQ(wrong([](LeasedPiece& p) { p.needle.at.offset = 1ull << 40; }), EUCLEAN);
  EXPECT_EQ(rpc::read_leased(fd.get(), Uuid{{8}}, right, bytes, [] {}).code(), EUCLEAN) << "another store's";
}

TEST_F(Leased, ALeaseEndsWithItsConnectionHoweverThatEnds) {
  ASSERT_EQ(objects().put("b/k", "bytes"), 0);
  const VolumeId volume = piece_of("/b/k").needle.at.volume;
  ASSERT_FALSE(engine_->leases().is_held(volume));
  // A process of its own, which is killed: nothing of it runs any more when it is waited for.
  std::array<int, 2> told{};
  ASSERT_EQ(::pipe2(told.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    rpc::wire::RequestT request;
    request.verb = rpc::wire::Verb_open;
    request.bucket = "b";
    request.key = "k";
    request.length = 100;
    request.lease = true;
    const UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket().data(), socket().size());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    if (!rpc::send_packet(fd.get(), rpc::pack(request), -1).ok()) ::_exit(1);
    ByteVector reply(rpc::kPacketBytesMax);
    (void)rpc::receive_packet(fd.get(), reply).ok();
    (void)!::write(told[1], "x", 1);
    ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ::close(told[1]);
  ASSERT_EQ(::read(told[0], &byte, 1), 1);
  ::close(told[0]);
  EXPECT_TRUE(engine_->leases().is_held(volume));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  server_.reset();  // waits for whatever ends with a connection
  EXPECT_FALSE(engine_->leases().is_held(volume));
}

TEST_F(Leased, ADescriptorIsHandedToWhoHasALeaseOnly) {
  ASSERT_EQ(objects().put("b/k", "bytes"), 0);
  const VolumeId volume = piece_of("/b/k").needle.at.volume;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket().data(), socket().size());
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto ask = [&](rpc::wire::RequestT request) {
    EXPECT_TRUE(rpc::send_packet(fd.get(), rpc::pack(request), -1).ok());
    ByteVector buffer(rpc::kPacketBytesMax);
    auto packet = rpc::receive_packet(fd.get(), buffer).value();
    return std::pair(rpc::parse_reply(ByteSpan(buffer).first(packet.bytes)), std::move(packet.memory));
  };
  rpc::wire::RequestT request;
  request.verb = rpc::wire::Verb_volume;
  for (const std::uint32_t number : {volume.value(), 12345u, 0xFFFF'FFFFu}) {
    request.number = number;
    const auto [reply, descriptor] = ask(request);
    EXPECT_EQ(reply->error, static_cast<std::uint32_t>(EACCES)) << number;
    EXPECT_FALSE(descriptor.valid());
  }
  rpc::wire::RequestT open;
  open.verb = rpc::wire::Verb_open;
  open.bucket = "b";
  open.key = "k";
  open.length = 100;
  open.lease = true;
  EXPECT_TRUE(ask(open).first->leased);
  request.number = volume.value();
  const auto [reply, descriptor] = ask(request);
  EXPECT_EQ(reply->error, 0u);
  ASSERT_TRUE(descriptor.valid());
  EXPECT_EQ(::fcntl(descriptor.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST(LeaseCache, ClosesVolumesThatNobodyAsksForAnyMore) {
  using rpc::LeaseCache;
  LeaseCache cache;
  const auto volume = cache.add_volume(VolumeId(3), UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  volume->held_until_ms = 10'000;
  LeaseCache::Extents extents;
  extents.parts.push_back({{}, volume});
  EXPECT_TRUE(extents.held(9'999));
  EXPECT_FALSE(extents.held(10'000));
  cache.sweep(10'000 + LeaseCache::kHeldMs - 1);
  EXPECT_NE(cache.find_volume(VolumeId(3)), nullptr) << "somebody may take it anew";
  cache.sweep(10'000 + LeaseCache::kHeldMs);
  EXPECT_EQ(cache.find_volume(VolumeId(3)), nullptr);
}

class LeasedRaw : public EngineTest {};

TEST_F(LeasedRaw, OfARawDeviceBytesComeThroughTheDaemon) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  auto server = rpc::Server::listen(store.engine(), {.path = path, .stores = {}, .user = {}, .workers = 2});
  ASSERT_TRUE(server.ok());
  auto client = std::move(Client::connect(path, 30'000)).value();
  client->use_leases([] {});
  ASSERT_EQ(client->create_bucket("b", {}, {}).code(), 0);
  ASSERT_EQ(ObjectShell(store.engine()).put("b/k", pattern(2'000'000)), 0);
  const Memory memory = Memory::make(1u << 20).value();
  const auto opened = client->open({"b", "k"}, &memory, 0, 1u << 20);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(as_text(ByteSpan(memory.bytes()).first(opened->bytes)),
            pattern(2'000'000).substr(0, opened->bytes));
  EXPECT_EQ(client->read(opened->handle, 1'999'990, 100, memory).value(), 10u);
  EXPECT_GT(store->statistics().reader.device_reads, 0u);
}

}  // namespace
}  // namespace ciaos::test
