import HTTP
import Testing

struct DrainTests {
    private func waiting(_ started: Signal, _ mayEnd: Signal) -> Route {
        .open(.get, "/wait", summary: "Wait", tag: "T", returns: .text("Waited.")) { _ in
            started.fire()
            await mayEnd.wait()
            return .text(200, "waited")
        }
    }

    @Test func finishesWhatIsInFlight() async throws {
        let (started, mayEnd) = (Signal(), Signal())
        try await withServer(Sample.routes + [waiting(started, mayEnd)]) { server in
            let idle = try server.client()
            await idle.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await idle.answer().status == 200)
            let busy = try server.client()
            await busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
            await started.wait()

            server.server.drain()
            #expect(await idle.isClosed())
            #expect(throws: RawClient.Failure.self) { try server.client() }
            mayEnd.fire()
            let answer = try await busy.answer()
            #expect(answer.text == "waited")
            #expect(answer["connection"]?.lowercased() == "close")
            #expect(await busy.isClosed())
            try await server.running.value
        }
    }

    @Test func returnsAtOnceWhenIdle() async throws {
        try await withServer { server in
            server.server.drain()
            try await server.running.value
        }
    }

    @Test func drainsWhenItsTaskIsCancelled() async throws {
        try await withServer { server in
            server.running.cancel()
            try await server.running.value
        }
    }

    @Test func answersWhatHadArrived() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n")
            server.server.drain()
            // Either it was in flight and is answered, or it came too late and is closed cleanly.
            let rest = String(decoding: await client.rest(), as: UTF8.self)
            #expect(rest.isEmpty || rest.hasSuffix("words"))
        }
    }

    /// A handler that hears cancellation ends with the drain's deadline.
    @Test func cancelsHandlersAtTheDeadline() async throws {
        let (started, ended) = (Signal(), Signal())
        let stubborn = Route.open(
            .get, "/forever", summary: "Forever", tag: "T", returns: .text("Never.")
        ) { _ in
            started.fire()
            defer { ended.fire() }
            let (stream, _) = AsyncStream<Void>.makeStream()
            for await _ in stream {}
            try Task.checkCancellation()
            return .empty()
        }
        let configure: (inout ServerConfiguration) -> Void = {
            $0.drainDeadline = .milliseconds(50)
        }
        try await withServer([stubborn], configure: configure) { server in
            let client = try server.client()
            await client.send("GET /forever HTTP/1.1\r\nHost: h\r\n\r\n")
            await started.wait()
            server.server.drain()
            #expect(await client.isClosed())
            await ended.wait()
            try await server.running.value
        }
    }
}
