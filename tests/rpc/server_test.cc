// The socket between the daemon and programs: verbs arrive, and nobody who misbehaves harms others.
#include "rpc/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <wire_generated.h>

#include <cstring>
#include <thread>

#include "rpc/client.h"
#include "rpc/packet.h"
#include "support/engine_fixture.h"
#include "support/temporary_directory.h"

namespace ciaos::test {
namespace {

using rpc::Client;
using rpc::Memory;
using testing::ElementsAre;

class RpcServer : public EngineTest {
 protected:
  RpcServer() : EngineTest({.volume_bytes = 4u << 20}) {}
  void SetUp() override {
    EngineTest::SetUp();
    start();
    client = connect();
    ASSERT_EQ(client->create_bucket("b", {}, {}).code(), 0);
  }
  void TearDown() override {
    client.reset();
    server.reset();
  }
  void start() {
    auto made = rpc::Server::listen(store.engine(),
                                    {.path = path(), .stores = {"/the/store"}, .user = {}, .workers = 4});
    ASSERT_TRUE(made.ok()) << to_string(made.error());
    server = std::move(made).value();
  }
  std::string path() const { return directory.path() + "/socket"; }
  std::unique_ptr<Client> connect() {
    auto made = Client::connect(path(), 30'000);
    EXPECT_TRUE(made.ok()) << to_string(made.error());
    return made.ok() ? std::move(made).value() : nullptr;
  }
  static Memory memory_of(std::string_view bytes) {
    auto memory = Memory::make(std::max<std::size_t>(bytes.size(), 1));
    std::memcpy(memory->bytes().data(), bytes.data(), bytes.size());
    return std::move(memory).value();
  }
  int put(Client& by, const std::string& key, std::string_view bytes) {
    const Memory memory = memory_of(bytes);
    Client::Publish publish{.path = {"b", key}, .source = {}, .owner = {}, .notes = {}, .condition = {}};
    publish.source.memory = &memory;
    publish.source.length = bytes.size();
    return by.publish(publish).code();
  }
  std::string get(Client& by, const std::string& key) {
    const Memory memory = Memory::make(1u << 20).value();
    const auto opened = by.open({"b", key}, &memory, 0, 1u << 20);
    if (!opened.ok()) return "error: " + to_string(opened.error());
    EXPECT_EQ(opened->handle, InodeId{}) << "all of it was read";
    return std::string(as_text(ByteSpan(memory.bytes()).first(opened->bytes)));
  }
  UniqueFd raw() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().data(), path().size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  TemporaryDirectory directory;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<Client> client;
};

TEST_F(RpcServer, ObjectsGoThroughTheSocketBothWays) {
  ASSERT_EQ(put(*client, "d/k", pattern(300'000)), 0);
  EXPECT_EQ(shell().cat("/b/d/k"), pattern(300'000));
  EXPECT_EQ(get(*client, "d/k"), pattern(300'000));
  EXPECT_EQ(client->lookup({"b", "d/k"})->size, 300'000u);
  EXPECT_EQ(client->rename({"b", "d/k"}, {"b", "e"}, {}).code(), 0);
  EXPECT_EQ(client->set_labels({"b", "e"}, {{"a", "1"}})->notes.labels, (engine::Labels{{"a", "1"}}));
  EXPECT_EQ(client->remove({"b", "e"}, {}).code(), 0);
  EXPECT_EQ(client->lookup({"b", "e"}).code(), ENOENT);
  EXPECT_EQ(client->lookup({"none", "e"}).code(), ENXIO);
  EXPECT_EQ(client->buckets("", 10)->entries.front().key, "b");
  EXPECT_TRUE(client->statistics()->contains("bytes_total"));
  EXPECT_THAT(client->stores(), ElementsAre("/the/store"));
}

TEST_F(RpcServer, LargeBodiesComeInPieces) {
  const std::string bytes = pattern(2'500'000);
  const InodeId staged = client->stage({}).value();
  for (std::size_t at = 0; at < bytes.size(); at += 1'000'000) {
    const std::string piece = bytes.substr(at, 1'000'000);
    ASSERT_EQ(client->write(staged, at, memory_of(piece), piece.size()).code(), 0);
  }
  Client::Publish publish{.path = {"b", "k"}, .source = {}, .owner = {}, .notes = {}, .condition = {}};
  publish.source.staged = staged;
  ASSERT_TRUE(client->publish(publish).ok());
  EXPECT_EQ(shell().cat("/b/k"), bytes);
  const auto opened = client->open({"b", "k"}, nullptr, 0, 0);
  const Memory memory = Memory::make(1u << 20).value();
  EXPECT_EQ(client->read(opened->handle, 2'400'000, 1u << 20, memory).value(), 100'000u);
  EXPECT_EQ(as_text(ByteSpan(memory.bytes()).first(100'000)), bytes.substr(2'400'000));
  client->close(opened->handle);
  EXPECT_EQ(client->read(opened->handle, 0, 10, memory).code(), EBADF);
}

TEST_F(RpcServer, ElementsOfAValueTravelInMemory) {
  std::string body = "abcde";
  const std::array<std::uint64_t, 3> lengths{3, 0, 2};
  body.append(reinterpret_cast<const char*>(lengths.data()), sizeof lengths);
  const Memory memory = memory_of(body);
  Client::Publish publish{.path = {"b", "v"}, .source = {}, .owner = {}, .notes = {}, .condition = {}};
  publish.source = {.staged = {}, .memory = &memory, .length = 5, .elements = 3};
  ASSERT_TRUE(client->publish(publish).ok());
  ASSERT_TRUE(client->append({"b", "v"}, publish.source, {}).ok());
  const auto opened = client->open({"b", "v"}, nullptr, 0, 0);
  EXPECT_THAT(client->elements(opened->handle).value(), ElementsAre(3, 0, 2, 3, 0, 2));
}

TEST_F(RpcServer, AnUploadOfManyPartsIsCompletedInOneCall) {
  const std::string id = client->create_upload({"b", "k"}, {{"l", "v"}}).value();
  std::string whole;
  for (std::uint32_t number = 1; number <= 40; ++number) {
    const std::string bytes = pattern(1000 + number);
    const Memory memory = memory_of(bytes);
    ASSERT_TRUE(client
                    ->put_part("b", id, number,
                               {.staged = {}, .memory = &memory, .length = bytes.size(), .elements = 0},
                               {.etag = std::to_string(number), .facts = {}, .labels = {}})
                    .ok());
    whole += bytes;
  }
  EXPECT_EQ(client->upload("b", id)->key, "k");
  EXPECT_EQ(client->uploads("b", "", "", "", 10)->uploads.size(), 1u);
  const auto first = client->parts("b", id, 0, 30);
  EXPECT_TRUE(first->more);
  auto all = first->parts;
  const auto rest = client->parts("b", id, 30, 30).value();
  all.insert(all.end(), rest.parts.begin(), rest.parts.end());
  ASSERT_EQ(all.size(), 40u);
  Client::Publish publish{.path = {"b", "k"}, .source = {}, .owner = {}, .notes = {}, .condition = {}};
  ASSERT_TRUE(client->complete_upload(id, all, publish).ok());
  EXPECT_EQ(shell().cat("/b/k"), whole);
  EXPECT_EQ(client->abort_upload("b", id).code(), ENOENT);
}

TEST_F(RpcServer, PagesEndWhereAPacketDoes) {
  engine::ObjectNotes notes{.etag = "e", .facts = {}, .labels = {{"long", std::string(4000, 'x')}}};
  const Memory memory = memory_of("x");
  for (int i = 0; i < 100; ++i) {
    Client::Publish publish{
        .path = {"b", std::to_string(1000 + i)}, .source = {}, .owner = {}, .notes = notes, .condition = {}};
    publish.source = {.staged = {}, .memory = &memory, .length = 1, .elements = 0};
    ASSERT_TRUE(client->publish(publish).ok());
  }
  std::size_t seen = 0;
  std::size_t pages = 0;
  engine::ObjectList list{.bucket = "b"};
  while (true) {
    const auto page = client->list(list);
    ASSERT_TRUE(page.ok());
    seen += page->entries.size();
    ++pages;
    if (!page->more) break;
    list.start_after = page->entries.back().key;
  }
  EXPECT_EQ(seen, 100u);
  EXPECT_GT(pages, 3u);
}

TEST_F(RpcServer, ManyThreadsShareAConnection) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_EQ(put(*client, key, key), 0);
        EXPECT_EQ(get(*client, key), key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RpcServer, WhatAConnectionHadOpenOrStagedEndsWithIt) {
  ASSERT_EQ(put(*client, "k", "bytes"), 0);
  const std::uint64_t before = store->statfs().inodes;
  auto other = connect();
  const InodeId staged = other->stage({}).value();
  const InodeId open = other->open({"b", "k"}, nullptr, 0, 0)->handle;
  const Memory memory = memory_of("x");
  EXPECT_EQ(client->write(staged, 0, memory, 1).code(), EBADF) << "it is another connection's";
  EXPECT_EQ(client->read(open, 0, 1, memory).code(), EBADF);
  ASSERT_EQ(client->remove({"b", "k"}, {}).code(), 0);
  EXPECT_EQ(other->read(open, 0, 1, memory).value(), 1u);
  other.reset();
  server.reset();  // waits for whatever ends with a connection
  EXPECT_EQ(store->statfs().inodes, before - 1);
  EXPECT_FALSE(client->connected() && client->lookup({"b", "k"}).ok());
  EXPECT_EQ(client->lookup({"b", "k"}).code(), ENOTCONN);
}

TEST_F(RpcServer, WhoSendsGarbageIsCutOffAndNobodyElse) {
  for (const std::string& garbage : {std::string("x"), std::string(5000, '\xff'), std::string(100, '\0')}) {
    const UniqueFd fd = raw();
    ASSERT_TRUE(rpc::send_packet(fd.get(), garbage, -1).ok());
    std::array<std::byte, 64> reply{};
    EXPECT_EQ(rpc::receive_packet(fd.get(), reply).code(), ECONNRESET);
  }
  EXPECT_EQ(put(*client, "k", "bytes"), 0);
}

TEST_F(RpcServer, MemoryThatIsNoneOrTooShortIsAnError) {
  Client::Publish publish{.path = {"b", "k"}, .source = {}, .owner = {}, .notes = {}, .condition = {}};
  publish.source.length = 10;
  EXPECT_EQ(client->publish(publish).code(), EBADF);
  const Memory memory = memory_of("short");
  publish.source.memory = &memory;
  EXPECT_EQ(client->publish(publish).code(), EPROTO);
  publish.source.length = 1ull << 40;
  EXPECT_EQ(client->publish(publish).code(), EMSGSIZE);
  EXPECT_EQ(client->lookup({"b", "k"}).code(), ENOENT);
}

TEST_F(RpcServer, WhoTakesNoRepliesHoldsNobodyUp) {
  const UniqueFd deaf = raw();
  rpc::wire::RequestT request;
  request.verb = rpc::wire::Verb_buckets;
  request.limit = 1000;
  const timeval moment{.tv_sec = 0, .tv_usec = 100'000};
  ::setsockopt(deaf.get(), SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
  int sent = 0;
  while (sent < 100'000 && rpc::send_packet(deaf.get(), rpc::pack(request), -1).ok()) ++sent;
  EXPECT_LT(sent, 100'000) << "the daemon goes on reading what it cannot answer";
  EXPECT_EQ(put(*client, "k", "bytes"), 0);
}

TEST_F(RpcServer, OnlyWhoMaySpeakIsListenedTo) {
  struct stat about {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::chmod(path().c_str(), 0666), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    const UniqueFd fd = raw();
    std::array<std::byte, 64> reply{};
    ::_exit(rpc::receive_packet(fd.get(), reply).code() == ECONNRESET ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(RpcServer, ASocketThatSomebodyAnswersAtIsNotTaken) {
  EXPECT_EQ(
      rpc::Server::listen(store.engine(), {.path = path(), .stores = {}, .user = {}, .workers = 1}).code(),
      EADDRINUSE);
  EXPECT_EQ(put(*client, "k", "bytes"), 0);
}

}  // namespace
}  // namespace ciaos::test
