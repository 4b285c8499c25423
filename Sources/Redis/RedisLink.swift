import CHiredis

#if canImport(Glibc)
    import Glibc
#endif

/// One connection of hiredis: the only place where its handle lives.
///
/// It must be used by one thread at a time, which the class cannot check but which its owner, a
/// thread's loop, sees to. After any failure it is over: an answer that came late would be taken
/// for that of another command.
@safe
final class RedisLink {
    private let handle: UnsafeMutablePointer<redisContext>
    private let patience: Duration

    private init(taking handle: UnsafeMutablePointer<redisContext>, patience: Duration) {
        unsafe self.handle = handle
        self.patience = patience
    }

    deinit { unsafe redisFree(handle) }

    /// - Parameter timeoutMilliseconds: for connecting, and for a flight of commands together.
    static func open(
        _ address: RedisAddress, timeoutMilliseconds: Int
    ) throws(RedisError) -> RedisLink {
        let time = timeval(
            tv_sec: timeoutMilliseconds / 1000, tv_usec: timeoutMilliseconds % 1000 * 1000)
        let handle =
            switch address.place {
            case .host(let name, let port): unsafe redisConnectWithTimeout(name, port, time)
            case .socket(let path): unsafe redisConnectUnixWithTimeout(path, time)
            }
        guard let handle = unsafe handle else { throw .away("there is no memory") }
        let link = unsafe RedisLink(taking: handle, patience: .milliseconds(timeoutMilliseconds))
        guard unsafe handle.pointee.err == 0, unsafe redisSetTimeout(handle, time) == REDIS_OK
        else { throw link.failure }
        for command in introduction(address) {
            guard let reply = link.fly([command]).first else { throw .unexpected }
            _ = try reply.get()
        }
        return link
    }

    private static func introduction(_ address: RedisAddress) -> [RedisCommand] {
        let logIn = address.password.map {
            RedisCommand.logIn(user: address.user, password: $0)
        }
        let select = address.database == 0 ? nil : RedisCommand.select(address.database)
        // A server that loads its data, or wants a password, says so here.
        return [logIn, select, .ping].compactMap { $0 }
    }

    var isBroken: Bool { unsafe handle.pointee.err != 0 }

    /// Sends the commands together and waits for as many answers.
    func fly(_ commands: [RedisCommand]) -> [Result<RedisReply, RedisError>] {
        let lateAt = ContinuousClock.now + patience
        var isLate = false
        for command in commands { append(command) }
        return commands.map { _ in
            // hiredis bounds the wait for each piece of an answer, this the wait for all.
            isLate = isLate || ContinuousClock.now > lateAt
            return isLate ? .failure(.away("it answers too slowly")) : receive()
        }
    }

    private func append(_ command: RedisCommand) {
        let words = unsafe command.arguments.map { unsafe strdup($0) }
        defer {
            unsafe words.forEach { unsafe free($0) }
        }
        var pointers = unsafe words.map { unsafe UnsafePointer($0) }
        // hiredis copies what it is given; a failure shows in `err` with the first answer.
        unsafe redisAppendCommandArgv(handle, Int32(words.count), &pointers, nil)
    }

    private func receive() -> Result<RedisReply, RedisError> {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisGetReply(handle, &raw) == REDIS_OK, let raw = unsafe raw else {
            return .failure(failure)
        }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Self.decode(raw.assumingMemoryBound(to: redisReply.self))
    }

    private static func decode(
        _ reply: UnsafeMutablePointer<redisReply>
    ) -> Result<RedisReply, RedisError> {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_NIL: return .success(.nothing)
        case REDIS_REPLY_INTEGER: return .success(.integer(unsafe reply.pointee.integer))
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return .success(.text(unsafe text(reply)))
        case REDIS_REPLY_ERROR:
            // The rest of the message may quote what was sent.
            let word = unsafe text(reply).prefix { $0.isUppercase }
            return .failure(.refused(String(word.prefix(32))))
        case REDIS_REPLY_ARRAY:
            var replies: [RedisReply] = []
            for index in 0..<(unsafe reply.pointee.elements) {
                guard let element = unsafe reply.pointee.element[index] else {
                    return .failure(.unexpected)
                }
                switch unsafe decode(element) {
                case .success(let reply): replies.append(reply)
                case .failure(let error): return .failure(error)
                }
            }
            return .success(.list(replies))
        default: return .failure(.unexpected)
        }
    }

    private static func text(_ reply: UnsafeMutablePointer<redisReply>) -> String {
        guard let start = unsafe reply.pointee.str else { return "" }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: reply.pointee.len)
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    private var failure: RedisError {
        let reason = unsafe withUnsafeBytes(of: handle.pointee.errstr) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return .away(reason.isEmpty ? "it closed the connection" : reason)
    }
}
