import HTTP
import Testing

/// Keep-alive, bodies and their limits.
struct ConnectionTests {
    @Test func keepsConnectionsAndOrder() async throws {
        try await withServer { server in
            let client = try server.client()
            let requests = (0..<50).map { number in
                let body = "\(number)"
                return "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.count)\r\n\r\n\(body)"
            }
            await client.send(requests.joined())
            for number in 0..<50 { #expect(try await client.answer().text == "\(number)") }
        }
    }

    @Test func closesWhenAsked() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /text HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try await client.answer().status == 200)
            #expect(await client.isClosed())
        }
    }

    @Test func readsChunkedBodies() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n"
                    + "3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nT: x\r\n\r\n"
            )
            #expect(try await client.answer().text == "[1,2]")
        }
    }

    @Test func readsLargeBodiesUpToTheLimit() async throws {
        try await withServer { server in
            let head = "POST /echo\nContent-Type: application/json"
            let whole = "\"" + String(repeating: "x", count: 1024 * 1024 - 2) + "\""
            #expect(try await server.ask(head, body: whole).text == whole)
            let over = try await server.ask(head, body: whole + " ")
            #expect(over.status == 413)
            #expect(try JSON(parsing: over.body)["bytes_max"]?.integer == 1_048_576)
        }
    }

    @Test func honoursTheLimitOfARoute() async throws {
        try await withServer { server in
            let head = "POST /coins\nAuthorization: Bearer alice\nContent-Type: application/json"
            let body = String(repeating: " ", count: 1001)
            let answer = try await server.ask(head, body: body)
            #expect(answer.status == 413)
            #expect(try JSON(parsing: answer.body)["bytes_max"]?.integer == 1000)
        }
    }

    /// The sender is heard out, so that it sees the answer and can use the connection again.
    @Test func refusesLargeChunkedBodies() async throws {
        try await withServer { server in
            let client = try server.client()
            let chunk = "10000\r\n" + String(repeating: "x", count: 65536) + "\r\n"
            await client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<20 { await client.send(chunk) }
            await client.send("0\r\n\r\nGET /text HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == 413)
            #expect(try await client.answer().text == "words")
        }
    }

    @Test func refusesAtOnceWhoAsksFirst() async throws {
        try await withServer { server in
            let client = try server.client()
            let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            await client.send(head + "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n")
            #expect(try await client.answer().status == 413)
            #expect(await client.isClosed())

            let second = try server.client()
            await second.send(head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(try await second.text(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            await second.send("12")
            #expect(try await second.answer().text == "12")
        }
    }

    /// An early no to a body that nobody will read ends the connection.
    @Test func refusesGiganticBodiesUnread() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
            #expect(try await client.answer().status == 413)
            #expect(await client.isClosed())
        }
    }

    @Test func answersOthersWhileAHandlerWaits() async throws {
        let (started, mayEnd) = (Signal(), Signal())
        let waiting = Route.open(
            .get, "/wait", summary: "Wait", tag: "T", returns: .text("Waited.")
        ) { _ in
            started.fire()
            await mayEnd.wait()
            return .text(200, "waited")
        }
        try await withServer(Sample.routes + [waiting]) { server in
            let client = try server.client()
            await client.send(
                "GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /text HTTP/1.1\r\nHost: h\r\n\r\n")
            await started.wait()
            #expect(try await server.ask("GET /text").text == "words")
            mayEnd.fire()
            #expect(try await client.answer().text == "waited")
            #expect(try await client.answer().text == "words")
        }
    }

    /// A client that leaves while its handler runs disturbs nobody.
    @Test func survivesClientsThatLeave() async throws {
        let (started, mayEnd) = (Signal(), Signal())
        let waiting = Route.open(
            .get, "/wait", summary: "Wait", tag: "T", returns: .text("Waited.")
        ) { _ in
            started.fire()
            await mayEnd.wait()
            return .text(200, "waited")
        }
        try await withServer(Sample.routes + [waiting]) { server in
            let client = try server.client()
            await client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
            await started.wait()
            client.leave()
            mayEnd.fire()
            #expect(try await server.ask("GET /text").text == "words")
        }
    }

    @Test func runsHandlersOnOtherExecutorsToo() async throws {
        actor Elsewhere { func text() -> String { "from an actor" } }
        let elsewhere = Elsewhere()
        let route = Route.open(
            .get, "/actor", summary: "Actor", tag: "T", returns: .text("Text.")
        ) { _ in
            let text = await elsewhere.text()
            async let more = elsewhere.text()
            return await .text(200, text + more)
        }
        try await withServer([route]) { server in
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let answer = try await server.ask("GET /actor")
                        #expect(answer.text == "from an actorfrom an actor")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func holdsManyIdleConnections() async throws {
        try await withServer { server in
            let clients = try (0..<1000).map { _ in try server.client() }
            for client in clients { await client.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n") }
            for client in clients { #expect(try await client.answer().status == 200) }
            // Each of them is still served.
            for client in clients { await client.send("GET /text HTTP/1.1\r\nHost: h\r\n\r\n") }
            for client in clients { #expect(try await client.answer().status == 200) }
        }
    }
}
