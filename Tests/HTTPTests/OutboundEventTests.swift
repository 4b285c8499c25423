import HTTP
import Testing

@Suite("Reading server-sent events")
struct OutboundEventTests {
    func read(_ text: String, chunk: Int = .max) throws -> [ServerSentEvent] {
        var (events, rest) = (ServerSentEvents(), Array(text.utf8)[...])
        var heard: [ServerSentEvent] = []
        while !rest.isEmpty {
            heard += try events.feed(Array(rest.prefix(chunk)))
            rest = rest.dropFirst(chunk)
        }
        return heard
    }

    @Test(
        "however the bytes arrive, the events are the same", arguments: [1, 2, 3, 7, 1000],
        ["\n", "\r", "\r\n"])
    func chunks(size: Int, lineEnd: String) throws {
        let lines = [
            "\u{FEFF}: hello", "retry: 10", "", "event: entry", "id: 1", "data: {", "data:}", "",
            "data", "", "event: nothing", "", "data:  two", "unknown: x", "id", "", "data: lost",
        ]
        let events = try read(lines.joined(separator: lineEnd), chunk: size)
        #expect(
            events == [
                ServerSentEvent(name: "entry", data: "{\n}", lastID: "1"),
                ServerSentEvent(name: "message", data: "", lastID: "1"),
                ServerSentEvent(name: "message", data: " two", lastID: ""),
            ])
    }

    @Test func theServerSaysHowLongToStayAway() throws {
        var events = ServerSentEvents(lastID: "7")
        #expect(try events.feed(Array("retry: 2000\n\nretry: x\n\ndata: a\n\n".utf8)).count == 1)
        #expect(events.reconnectMilliseconds == 2000)
        #expect(try events.feed(Array("data: b\n\n".utf8)).first?.lastID == "7")
    }

    @Test func anEventWithoutEndIsRefused() {
        let endless = String(repeating: "data: xxxxxxxxxxxxxxxxxxxx\n", count: 60_000)
        #expect(throws: ServerSentEvents.TooLong.self) { try read(endless) }
    }
}
