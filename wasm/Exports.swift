// What the WebAssembly module of the offline protocol shows to a page: a place to put bytes, one
// function to ask, and a place to find the answer. Compiled together with `OfflineProtocol` by
// `scripts/build-wasm`; `ProtocolCall` and `DeviceCall` are what may be asked.

/// Bytes of one question: the largest state of a device has some hundred thousand.
private let inputBytesMax: Int32 = 4 << 20

nonisolated(unsafe) private var input = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
nonisolated(unsafe) private var output = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

/// Where a question of so many bytes goes; null when it is too long.
@_expose(wasm, "florin_input") @_cdecl("florin_input")
func florinInput(_ count: Int32) -> UnsafeMutablePointer<UInt8>? {
    guard count >= 0, count <= inputBytesMax else { return nil }
    input.deallocate()
    input = .allocate(capacity: Int(count))
    return input
}

/// Asks what was put there; returns how many bytes the answer has, 0 for what cannot be asked.
@_expose(wasm, "florin_ask") @_cdecl("florin_ask")
func florinAsk(_ call: Int32, _ count: Int32) -> Int32 {
    guard let number = UInt8(exactly: call), count >= 0, count <= inputBytesMax else { return 0 }
    let question = [UInt8](UnsafeBufferPointer(start: input, count: Int(count)))
    let answer: [UInt8]
    if let call = ProtocolCall(rawValue: number) {
        answer = call.answer(question)
    } else if let call = DeviceCall(rawValue: number) {
        answer = call.answer(question)
    } else {
        return 0
    }
    output.deallocate()
    output = .allocate(capacity: answer.count)
    for index in answer.indices { output[index] = answer[index] }
    return Int32(answer.count)
}

/// Where the answer to the last question lies until the next one.
@_expose(wasm, "florin_output") @_cdecl("florin_output")
func florinOutput() -> UnsafeMutablePointer<UInt8> { output }
